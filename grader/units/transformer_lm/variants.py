"""Variants of unit 3."""

from __future__ import annotations

from autodiff_lib.units.transformer_lm.unit import UNIT

from .. import variants_of

variant = variants_of(UNIT.name)

CAUSAL_SELF_ATTENTION = [
    variant(
        "causal_self_attention",
        "scaled-queries",
        "scales the queries, not the scores, and calls operators by name",
        '''
        @ad.exercise
        def causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim):
            """Single-head attention: X (B, T, D), mask (T, T) -> (B, T, D)."""
            queries = ad.div_by_const(ad.matmul(X, W_Q), math.sqrt(model_dim))
            keys = ad.matmul(X, W_K)
            values = ad.matmul(X, W_V)
            scores = ad.add(ad.matmul(queries, ad.transpose(keys, 1, 2)), mask)
            weights = ad.softmax(scores)
            context = ad.matmul(weights, values)
            return ad.matmul(context, W_O)
        ''',
    ),
    variant(
        "causal_self_attention",
        "power-of-minus-half",
        "multiplies by a power of model_dim, from the left; typed, with prints and comments",
        '''
        @ad.exercise
        def causal_self_attention(
            X: ad.Node, W_Q: ad.Node, W_K: ad.Node, W_V: ad.Node, W_O: ad.Node, mask: ad.Node, model_dim: int
        ) -> ad.Node:
            """Single-head attention: X (B, T, D), mask (T, T) -> (B, T, D)."""
            # who asks, who is asked, and what is said
            Q: ad.Node = X @ W_Q
            K: ad.Node = X @ W_K
            V: ad.Node = X @ W_V
            scale: float = model_dim**-0.5
            print("scores are scaled by", scale)
            # the mask comes after the scale: it must not shrink
            A = ad.softmax(mask + scale * (Q @ ad.transpose(K, dim0=1, dim1=-1)), dim=2)
            print(A)
            return (A @ V) @ W_O
        ''',
    ),
    variant(
        "causal_self_attention",
        "matrices-folded",
        "multiplies the matrices with each other first: W_Q with W_K, and W_V with W_O",
        '''
        @ad.exercise
        def causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim):
            """Single-head attention: X (B, T, D), mask (T, T) -> (B, T, D)."""
            W_compare = W_Q @ ad.transpose(W_K, 0, 1)  # (D, D): the low-rank form that attention compares words with
            W_say = W_V @ W_O  # (D, D)
            scores = X @ W_compare @ ad.transpose(X, -1, -2)
            return ad.softmax(scores / model_dim**0.5 + mask, dim=-1) @ (X @ W_say)
        ''',
    ),
    variant(
        "causal_self_attention",
        "softmax-by-hand",
        "writes the softmax out, with exp and sum_op and no maximum, and divides after the mixing",
        '''
        @ad.exercise
        def causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim):
            """Single-head attention: X (B, T, D), mask (T, T) -> (B, T, D)."""
            q, k, v = [X @ W for W in (W_Q, W_K, W_V)]
            powers = ad.exp(q @ ad.transpose(k, 2, 1) / math.sqrt(model_dim) + mask)
            mixed = powers @ v / ad.sum_op(powers, dim=-1, keepdim=True)
            return mixed @ W_O
        ''',
    ),
    variant(
        "causal_self_attention",
        "columns-ask",
        "computes everything transposed: columns ask, and the softmax runs down",
        '''
        @ad.exercise
        def causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim):
            """Single-head attention: X (B, T, D), mask (T, T) -> (B, T, D)."""
            def turned(node):
                return ad.transpose(node, -2, -1)

            scores = (X @ W_K) @ turned(X @ W_Q) * (1 / math.sqrt(model_dim))  # a row for each key
            weights = ad.softmax(scores + turned(mask), dim=-2)
            return turned(turned(W_O) @ (turned(X @ W_V) @ weights))
        ''',
    ),
    variant(
        "causal_self_attention",
        "helpers",
        "has functions of its own in other cells, one of which makes the scale a node",
        """
        def project(X, *matrices):
            for W in matrices:
                yield X @ W


        def similarity(a, b):
            return a @ ad.transpose(b, -1, -2)
        """,
        """
        def root_of(number, like):
            return ad.sqrt(number * ad.ones_like(like))
        """,
        '''
        @ad.exercise
        def causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim):
            """Single-head attention: X (B, T, D), mask (T, T) -> (B, T, D)."""
            Q, K, V = project(X, W_Q, W_K, W_V)
            scores = similarity(Q, K)
            weights = ad.softmax(scores / root_of(model_dim, like=scores) + mask, dim=-1)
            out, = project(weights @ V, W_O)
            return out
        ''',
    ),
    variant(
        "causal_self_attention",
        "mask-before-scale",
        "adds the mask, made larger, before the scale, and shifts each row of scores before the softmax",
        '''
        @ad.exercise
        def causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim):
            """Single-head attention: X (B, T, D), mask (T, T) -> (B, T, D)."""
            root = math.sqrt(model_dim)
            scores = ((X @ W_Q) @ ad.transpose(X @ W_K, -2, -1) + root * mask) / root
            shifted = scores - ad.mean(scores * ad.greater(scores, -1e6 * ad.ones_like(scores)), dim=-1, keepdim=True)
            return ad.softmax(shifted, dim=-1) @ (X @ W_V) @ W_O
        ''',
    ),
    variant(
        "causal_self_attention",
        "scaled-twice-by-the-fourth-root",
        "scales queries and keys by the fourth root each, before they meet",
        """
        @ad.exercise
        def causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim):
            fourth_root = math.sqrt(math.sqrt(model_dim))
            queries, keys = (X @ W / fourth_root for W in (W_Q, W_K))
            weights = ad.softmax(mask + queries @ ad.transpose(keys, 1, 2), -1)
            return weights @ (X @ W_V @ W_O)
        """,
    ),
    variant(
        "causal_self_attention",
        "scaled-weights",
        "scales the matrix of the keys, before anything is multiplied, and turns the product of keys and queries",
        """
        @ad.exercise
        def causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim):
            K = X @ (W_K * model_dim**-0.5)  # (B, T, K)
            Q, V = X @ W_Q, X @ W_V
            scores = ad.transpose(K @ ad.transpose(Q, -1, -2), -1, -2)  # (B, T, T)
            return ad.softmax(ad.add(scores, mask)) @ V @ W_O
        """,
    ),
]

DECODER_LAYER = [
    variant(
        "decoder_layer",
        "norm-by-hand",
        "writes the norms out, with mean and sqrt",
        """
        def normalised(x, eps=1e-5):
            centred = x - ad.mean(x, dim=-1, keepdim=True)
            variance = ad.mean(centred * centred, dim=-1, keepdim=True)
            return centred / ad.sqrt(variance + eps)
        """,
        '''
        @ad.exercise
        def decoder_layer(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim):
            """Attention, then a network for each word: X (B, T, D), W_ff1 (D, F), W_ff2 (F, D) -> (B, T, D)."""
            h = normalised(X + causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim))
            return normalised(h + ad.relu(h @ W_ff1) @ W_ff2)
        ''',
    ),
    variant(
        "decoder_layer",
        "attention-inlined",
        "does not call the attention, but has it inside",
        '''
        @ad.exercise
        def decoder_layer(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim):
            """Attention, then a network for each word: X (B, T, D), W_ff1 (D, F), W_ff2 (F, D) -> (B, T, D)."""
            # attention
            Q, K, V = X @ W_Q, X @ W_K, X @ W_V
            A = ad.softmax(Q @ ad.transpose(K, 1, 2) / math.sqrt(model_dim) + mask, dim=-1)
            print("attention:", A)
            X = ad.layernorm(A @ V @ W_O + X, normalized_shape=(model_dim,), eps=1e-5)
            # network
            X = ad.layernorm(ad.relu(X @ W_ff1) @ W_ff2 + X, normalized_shape=(model_dim,), eps=1e-5)
            return X
        ''',
    ),
    variant(
        "decoder_layer",
        "keywords",
        "calls the attention by keyword, in another order, from the library; typed",
        '''
        @ad.exercise
        def decoder_layer(
            X: ad.Node, W_Q: ad.Node, W_K: ad.Node, W_V: ad.Node, W_O: ad.Node, W_ff1: ad.Node, W_ff2: ad.Node, mask: ad.Node, model_dim
        ) -> ad.Node:
            """Attention, then a network for each word: X (B, T, D), W_ff1 (D, F), W_ff2 (F, D) -> (B, T, D)."""
            attended = ad.causal_self_attention(model_dim=model_dim, mask=mask, X=X, W_O=W_O, W_V=W_V, W_K=W_K, W_Q=W_Q)
            h: ad.Node = ad.layernorm(ad.add(attended, X), model_dim)
            hidden: ad.Node = ad.relu(ad.matmul(h, W_ff1))
            return ad.layernorm(ad.add(h, ad.matmul(hidden, W_ff2)), model_dim)
        ''',
    ),
    variant(
        "decoder_layer",
        "two-blocks-in-a-loop",
        "makes the residual connection and the norm once, in a loop over the two blocks",
        '''
        @ad.exercise
        def decoder_layer(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim):
            """Attention, then a network for each word: X (B, T, D), W_ff1 (D, F), W_ff2 (F, D) -> (B, T, D)."""
            def attend(x):
                return causal_self_attention(x, W_Q, W_K, W_V, W_O, mask, model_dim=model_dim)

            def think(x):
                return ad.relu(x @ W_ff1) @ W_ff2

            state = X
            for block in (attend, think):
                state = ad.layernorm(state + block(state), (model_dim,))
            return state
        ''',
    ),
    variant(
        "decoder_layer",
        "relu-by-hand",
        "has a switch in the place of relu, and a power in the place of the root",
        """
        def positive_part(z):
            return z * ad.greater(z, ad.zeros_like(z))


        def add_and_norm(a, b):
            total = a + b
            mean = ad.mean(total, dim=(-1,), keepdim=True)
            square = ad.mean(total**2, dim=(-1,), keepdim=True)
            return (total - mean) * ad.power(square - mean**2 + 1e-5, -0.5)
        """,
        '''
        @ad.exercise
        def decoder_layer(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim):
            """Attention, then a network for each word: X (B, T, D), W_ff1 (D, F), W_ff2 (F, D) -> (B, T, D)."""
            h = add_and_norm(X, causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim))
            return add_and_norm(h, positive_part(h @ W_ff1) @ W_ff2)
        ''',
    ),
    variant(
        "decoder_layer",
        "one-expression",
        "has helpers with names of their own, and the rest in one expression",
        """
        LN = ad.layernorm


        def ffn(inp, up, down):
            return ad.matmul(ad.relu(inp @ up), down)


        def sublayer(inp, out, size):
            return LN(inp - (-out), normalized_shape=[size])
        """,
        '''
        @ad.exercise
        def decoder_layer(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim):
            """Attention, then a network for each word: X (B, T, D), W_ff1 (D, F), W_ff2 (F, D) -> (B, T, D)."""
            qkvo = [W_Q, W_K, W_V, W_O]
            return sublayer(h := sublayer(X, causal_self_attention(X, *qkvo, mask, model_dim), model_dim), ffn(h, W_ff1, W_ff2), model_dim)
        ''',
    ),
    variant(
        "decoder_layer",
        "plain-number-for-the-norm",
        "gives the norm its size as a plain number",
        """
        @ad.exercise
        def decoder_layer(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim):
            h = ad.layernorm(causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim) + X, model_dim)
            return ad.layernorm(ad.relu(h @ W_ff1) @ W_ff2 + h, normalized_shape=model_dim)
        """,
    ),
    variant(
        "decoder_layer",
        "list-for-the-norm",
        "gives the norm its size in a list",
        """
        @ad.exercise
        def decoder_layer(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim):
            size = [model_dim]
            attended = causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim)
            h = ad.layernorm(ad.add(X, attended), size, eps=1e-5)
            return ad.layernorm(ad.add(h, ad.matmul(ad.relu(ad.matmul(h, W_ff1)), W_ff2)), size)
        """,
    ),
]

TRANSFORMER_LM = [
    variant(
        "transformer_lm",
        "weights-by-name",
        "takes each weight by its name, and adds the positions first",
        '''
        @ad.exercise
        def transformer_lm(tokens, positions, weights, mask, model_dim):
            """tokens (B, T, V) one-hot, positions (T, D), weights by name, mask (T, T) -> logits (B, T, V)."""
            X = positions + tokens @ weights["W_embed"]
            hidden = decoder_layer(
                X,
                weights["W_Q"],
                weights["W_K"],
                weights["W_V"],
                weights["W_O"],
                weights["W_ff1"],
                weights["W_ff2"],
                mask,
                model_dim,
            )
            return hidden @ weights["W_head"]
        ''',
    ),
    variant(
        "transformer_lm",
        "keywords",
        "hands the weights on as keywords, in alphabetical order; typed",
        '''
        @ad.exercise
        def transformer_lm(tokens: ad.Node, positions: ad.Node, weights: dict[str, ad.Node], mask: ad.Node, model_dim: int) -> ad.Node:
            """tokens (B, T, V) one-hot, positions (T, D), weights by name, mask (T, T) -> logits (B, T, V)."""
            inner: dict[str, ad.Node] = {name: weights[name] for name in sorted(weights) if name not in ("W_embed", "W_head")}
            embedded: ad.Node = ad.matmul(tokens, weights["W_embed"])
            print("the layer gets", ", ".join(inner))
            h: ad.Node = decoder_layer(ad.add(embedded, positions), mask=mask, model_dim=model_dim, **inner)
            return ad.matmul(h, weights["W_head"])
        ''',
    ),
    variant(
        "transformer_lm",
        "all-inlined",
        "calls neither the layer nor the attention",
        '''
        @ad.exercise
        def transformer_lm(tokens, positions, weights, mask, model_dim):
            """tokens (B, T, V) one-hot, positions (T, D), weights by name, mask (T, T) -> logits (B, T, V)."""
            W_embed, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, W_head = weights.values()
            X = tokens @ W_embed + positions
            A = ad.softmax((X @ W_Q) @ ad.transpose(X @ W_K, -2, -1) / math.sqrt(model_dim) + mask, dim=-1)
            X = ad.layernorm(X + A @ (X @ W_V) @ W_O, (model_dim,))
            X = ad.layernorm(X + ad.relu(X @ W_ff1) @ W_ff2, (model_dim,))
            return X @ W_head
        ''',
    ),
    variant(
        "transformer_lm",
        "layer-inlined",
        "calls the attention, but not the layer",
        '''
        @ad.exercise
        def transformer_lm(tokens, positions, weights, mask, model_dim):
            """tokens (B, T, V) one-hot, positions (T, D), weights by name, mask (T, T) -> logits (B, T, V)."""
            w = weights
            x = tokens @ w["W_embed"] + positions
            x = ad.layernorm(x + causal_self_attention(x, w["W_Q"], w["W_K"], w["W_V"], w["W_O"], mask, model_dim), (model_dim,))
            x = ad.layernorm(x + ad.relu(x @ w["W_ff1"]) @ w["W_ff2"], (model_dim,))
            return x @ w["W_head"]
        ''',
    ),
    variant(
        "transformer_lm",
        "helpers",
        "has functions of its own for both ends, which take the names with a list",
        """
        INNER = ["Q", "K", "V", "O", "ff1", "ff2"]


        def embed(tokens, positions, table):
            rows = tokens @ table
            return rows + positions


        def unembed(hidden, head):
            return hidden @ head
        """,
        '''
        @ad.exercise
        def transformer_lm(tokens, positions, weights, mask, model_dim):
            """tokens (B, T, V) one-hot, positions (T, D), weights by name, mask (T, T) -> logits (B, T, V)."""
            layer = [weights[f"W_{name}"] for name in INNER]
            return unembed(ad.decoder_layer(embed(tokens, positions, weights["W_embed"]), *layer, mask, model_dim), head=weights["W_head"])
        ''',
    ),
    variant(
        "transformer_lm",
        "slices-of-a-list",
        "makes a list of the weights and cuts it, and turns the last product around",
        '''
        @ad.exercise
        def transformer_lm(tokens, positions, weights, mask, model_dim):
            """tokens (B, T, V) one-hot, positions (T, D), weights by name, mask (T, T) -> logits (B, T, V)."""
            matrices = list(weights.values())
            first, last = matrices[0], matrices[-1]
            X = tokens @ first - (-1) * positions
            Y = decoder_layer(X, *matrices[1:-1], mask=mask, model_dim=model_dim)
            return ad.transpose(ad.transpose(last, 0, 1) @ ad.transpose(Y, 1, 2), 1, 2)  # ((V, D) @ (B, D, T))^T
        ''',
    ),
    variant(
        "transformer_lm",
        "copy-taken-apart",
        "takes a copy of the dictionary apart, weight by weight",
        """
        @ad.exercise
        def transformer_lm(tokens, positions, weights, mask, model_dim):
            left = dict(weights)
            words = tokens @ left.pop("W_embed")
            head = left.pop("W_head")
            h = decoder_layer(positions + words, mask=mask, model_dim=model_dim, **left)
            return ad.matmul(h, head)
        """,
    ),
]

CROSS_ENTROPY_LOSS = [
    variant(
        "cross_entropy_loss",
        "log-softmax",
        "takes logits minus the logarithm of the sum of their powers",
        '''
        @ad.exercise
        def cross_entropy_loss(logits, targets, num_tokens):
            """The mean of -log p(target): logits and targets (B, T, V), num_tokens = B * T -> ()."""
            log_p = logits - ad.log(ad.sum_op(ad.exp(logits), dim=-1, keepdim=True))
            return -ad.sum_op(targets * log_p, dim=(0, 1, 2)) / num_tokens
        ''',
    ),
    variant(
        "cross_entropy_loss",
        "mean-times-vocabulary",
        "takes the mean of everything, and multiplies it by the number of words, which it counts",
        '''
        @ad.exercise
        def cross_entropy_loss(logits, targets, num_tokens):
            """The mean of -log p(target): logits and targets (B, T, V), num_tokens = B * T -> ()."""
            log_p = ad.log(ad.softmax(logits))
            words = ad.sum_op(ad.ones_like(logits), dim=(0, 1, 2)) / num_tokens  # V
            return -1 * words * ad.mean(targets * log_p, dim=(0, 1, 2))
        ''',
    ),
    variant(
        "cross_entropy_loss",
        "probability-picked-first",
        "picks the probability of the right word first, and takes its logarithm then; typed",
        '''
        @ad.exercise
        def cross_entropy_loss(logits: ad.Node, targets: ad.Node, num_tokens: int) -> ad.Node:
            """The mean of -log p(target): logits and targets (B, T, V), num_tokens = B * T -> ()."""
            probabilities: ad.Node = ad.softmax(logits, dim=2)
            right: ad.Node = ad.sum_op(targets * probabilities, dim=2)  # (B, T)
            print("one probability for each token:", right)
            surprise: ad.Node = ad.log(1 / right)
            return ad.mean(surprise, dim=(0, 1))
        ''',
    ),
    variant(
        "cross_entropy_loss",
        "axis-by-axis",
        "sums one axis after the other, and weighs the targets beforehand",
        '''
        @ad.exercise
        def cross_entropy_loss(logits, targets, num_tokens):
            """The mean of -log p(target): logits and targets (B, T, V), num_tokens = B * T -> ()."""
            shares = targets * (-1 / num_tokens)
            total = shares * ad.log(ad.softmax(logits, -1))
            for _ in range(3):
                total = ad.sum_op(total, dim=0)
            return total
        ''',
    ),
    variant(
        "cross_entropy_loss",
        "differences",
        "sums the powers of the differences to the logit of the right word",
        """
        def sum_over_words(x):
            return ad.sum_op(x, dim=-1, keepdim=True)


        def mean_over_tokens(x):
            return ad.mean(x, dim=(0, 1, 2))  # the last axis has one entry
        """,
        '''
        @ad.exercise
        def cross_entropy_loss(logits, targets, num_tokens):
            """The mean of -log p(target): logits and targets (B, T, V), num_tokens = B * T -> ()."""
            right = sum_over_words(logits * targets)  # (B, T, 1)
            return mean_over_tokens(ad.log(sum_over_words(ad.exp(logits - right))))
        ''',
    ),
    variant(
        "cross_entropy_loss",
        "row-of-tokens",
        "makes one long row of all tokens, and multiplies it by a column of targets",
        '''
        @ad.exercise
        def cross_entropy_loss(logits, targets, num_tokens):
            """The mean of -log p(target): logits and targets (B, T, V), num_tokens = B * T -> ()."""
            row = ad.reshape(ad.log(ad.softmax(logits, dim=-1)), (1, -1))
            column = ad.reshape(targets, (-1, 1))
            loss = ad.reshape(row @ column, ())
            return ad.mul_by_const(loss, -1.0 / float(num_tokens))
        ''',
    ),
    variant(
        "cross_entropy_loss",
        "one-hot-as-a-mask",
        "makes a mask of the targets and adds up what it lets through",
        """
        @ad.exercise
        def cross_entropy_loss(logits, targets, num_tokens):
            hit = ad.greater(targets, ad.ones_like(targets) / 2)
            surprise = -ad.log(ad.softmax(logits))
            return ad.sum_op(hit * surprise, (0, 1, 2)) * (1 / num_tokens)
        """,
    ),
    variant(
        "cross_entropy_loss",
        "two-sums",
        "subtracts the sum of the right logits from the sum of the logarithms of the sums",
        """
        @ad.exercise
        def cross_entropy_loss(logits, targets, num_tokens):
            all_words = ad.log(ad.sum_op(ad.exp(logits), dim=2))  # (B, T)
            right_words = ad.sum_op(logits * targets, dim=2)  # (B, T)
            return ad.sum_op(all_words - right_words, dim=(0, 1)) / num_tokens
        """,
    ),
]

SGD_EPOCH = [
    variant(
        "sgd_epoch",
        "while",
        "counts with while, and updates a copy of the dictionary weight by weight; typed",
        '''
        @ad.exercise
        def sgd_epoch(run_model, x, y, weights: dict, batch_size: int, learning_rate: float) -> tuple[dict, float]:
            """Once through all samples: (the new weights by name, the mean loss over all samples)."""
            new = dict(weights)  # a dictionary of my own, with the tensors of the caller
            seen, loss_sum = 0, 0.0
            while seen < x.shape[0]:
                x_batch, y_batch = x[seen : seen + batch_size], y[seen : seen + batch_size]
                loss, grads = run_model(x_batch, y_batch, new)
                for name in new:
                    new[name] = new[name] - learning_rate * grads[name]
                loss_sum += loss.item() * x_batch.shape[0]
                seen += x_batch.shape[0]
                print(f"{seen} samples, loss {loss_sum / seen:.3f}")
            return new, loss_sum / seen
        ''',
    ),
    variant(
        "sgd_epoch",
        "split",
        "splits the samples with torch, and returns the loss as a tensor",
        '''
        @ad.exercise
        def sgd_epoch(run_model, x, y, weights, batch_size, learning_rate):
            """Once through all samples: (the new weights by name, the mean loss over all samples)."""
            losses, counts = [], []
            for x_batch, y_batch in zip(torch.split(x, batch_size), torch.split(y, batch_size)):
                loss, grads = run_model(x_batch, y_batch, weights)
                weights = {name: torch.sub(weights[name], grads[name], alpha=learning_rate) for name in grads}
                losses.append(loss)
                counts.append(len(x_batch))
            counts = torch.tensor(counts, dtype=torch.float64)
            return weights, torch.stack(losses) @ counts / counts.sum()
        ''',
    ),
    variant(
        "sgd_epoch",
        "copies-in-place",
        "copies the tensors once, and changes its copies in place",
        '''
        @ad.exercise
        def sgd_epoch(run_model, x, y, weights, batch_size, learning_rate):
            """Once through all samples: (the new weights by name, the mean loss over all samples)."""
            weights = {name: tensor.clone() for name, tensor in weights.items()}
            mean = 0.0
            for begin in range(0, len(x), batch_size):
                end = min(begin + batch_size, len(x))
                loss, grads = run_model(x[begin:end], y[begin:end], weights)
                for name, grad in grads.items():
                    weights[name] -= learning_rate * grad
                mean += float(loss) * (end - begin) / len(x)
            return weights, mean
        ''',
    ),
    variant(
        "sgd_epoch",
        "helpers",
        "has functions of its own for the batches and for the step, and numpy for the mean",
        """
        import numpy as np
        """,
        """
        def batches_of(x, y, size):
            number = -(-len(x) // size)
            for i in range(number):
                rows = torch.arange(i * size, min((i + 1) * size, len(x)))
                yield x[rows], y[rows]


        def stepped(weights, grads, rate):
            return dict(zip(weights, (value + (-rate) * grads[name] for name, value in weights.items())))
        """,
        '''
        @ad.exercise
        def sgd_epoch(run_model, x, y, weights, batch_size, learning_rate):
            """Once through all samples: (the new weights by name, the mean loss over all samples)."""
            history = []
            for x_b, y_b in batches_of(x, y, batch_size):
                loss, grads = run_model(x_b, y_b, weights)
                weights = stepped(weights, grads, learning_rate)
                history.append((float(loss), len(x_b)))
            losses, sizes = np.array(history).T
            return [weights, np.average(losses, weights=sizes)]
        ''',
    ),
    variant(
        "sgd_epoch",
        "zip",
        "zips the starts of batches with their ends, and weighs losses at the end",
        """
        @ad.exercise
        def sgd_epoch(run_model, x, y, weights, batch_size, learning_rate):
            new, losses, sizes = dict(weights), [], []
            starts = list(range(0, len(x), batch_size))
            for start, end in zip(starts, [*starts[1:], len(x)], strict=True):
                loss, grads = run_model(x[start:end], y[start:end], new)
                new = dict(zip(new, (new[name] - grads[name] * learning_rate for name in new), strict=True))
                losses.append(float(loss))
                sizes.append(end - start)
            return new, sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes)
        """,
    ),
    variant(
        "sgd_epoch",
        "number-of-batches",
        "counts the batches with ceil and loops over their numbers; a running mean of the losses",
        """
        @ad.exercise
        def sgd_epoch(run_model, x, y, weights, batch_size, learning_rate):
            n, mean, seen = len(x), 0.0, 0
            for i in range(math.ceil(n / batch_size)):
                low, high = i * batch_size, min((i + 1) * batch_size, n)
                loss, gradient = run_model(x[low:high], y[low:high], weights)
                weights = {k: torch.sub(w, gradient[k], alpha=learning_rate) for k, w in weights.items()}
                seen += high - low
                mean += (loss.item() - mean) * (high - low) / seen
            return weights, mean
        """,
    ),
]

GENERATE = [
    variant(
        "generate",
        "for",
        "counts new words with for, and asks for room and for the ending on the way; typed, with prints",
        '''
        @ad.exercise
        def generate(prompt: list[int], weights: dict, max_new_tokens: int) -> list[int]:
            """The tokens of `prompt`, and those that the model says after it, as one list."""
            result: list[int] = [*prompt]
            for step in range(max_new_tokens):
                if len(result) == CONTEXT:
                    break  # no room
                logits = logits_of(result, weights)
                best: int = torch.argmax(logits[len(result) - 1], dim=-1).item()
                print(f"step {step}: {best}")
                if best == PAD:
                    break  # the end of the sentence
                result.append(best)
            return result
        ''',
    ),
    variant(
        "generate",
        "topk",
        "takes the best of one with topk, of probabilities, and leaves the numbers as tensors",
        '''
        @ad.exercise
        def generate(prompt, weights, max_new_tokens):
            """The tokens of `prompt`, and those that the model says after it, as one list."""
            tokens, room = list(prompt), CONTEXT - len(prompt)
            left = min(max_new_tokens, room)
            while left > 0:
                probabilities = torch.softmax(logits_of(tokens, weights), dim=-1)
                _, index = torch.topk(probabilities[len(tokens) - 1], k=1)
                if index[0] == 0:
                    left = 0
                else:
                    tokens = tokens + [index[0]]
                    left -= 1
            return tokens
        ''',
    ),
    variant(
        "generate",
        "recursive",
        "writes one word and calls itself for the others",
        '''
        @ad.exercise
        def generate(prompt, weights, max_new_tokens):
            """The tokens of `prompt`, and those that the model says after it, as one list."""
            if max_new_tokens == 0 or len(prompt) >= CONTEXT:
                return list(prompt)
            scores = logits_of(prompt, weights)[len(prompt) - 1]
            word = max(range(len(scores)), key=lambda number: scores[number])
            return list(prompt) if word == PAD else generate([*prompt, word], weights, max_new_tokens - 1)
        ''',
    ),
    variant(
        "generate",
        "row-by-padding",
        "has a generator of new words in another cell, which looks at numpy's argmax of all rows",
        """
        def words_after(known, weights):
            known = list(known)
            while True:
                table = logits_of(known, weights).numpy()  # a row for each place
                if len(known) > len(table):
                    return
                word = table.argmax(axis=1)[len(known) - 1]
                if word == PAD:
                    return
                yield int(word)
                known.append(int(word))
                if len(known) == len(table):
                    return
        """,
        '''
        @ad.exercise
        def generate(prompt, weights, max_new_tokens):
            """The tokens of `prompt`, and those that the model says after it, as one list."""
            new = words_after(prompt, weights)
            limit = min(max_new_tokens, CONTEXT - len(prompt))
            return (*prompt, *(word for _, word in zip(range(limit), new)))
        ''',
    ),
    variant(
        "generate",
        "iter-until-pad",
        "calls a function until it says zero, and cuts what it says with islice",
        """
        from itertools import islice
        """,
        """
        @ad.exercise
        def generate(prompt, weights, max_new_tokens):
            words = list(prompt)

            def next_word():
                word = int(torch.argmax(logits_of(words, weights)[len(words) - 1]))
                if word:
                    words.append(word)
                return word

            room = max(0, min(max_new_tokens, CONTEXT - len(words)))
            for _ in islice(iter(next_word, PAD), room):
                pass
            return words
        """,
    ),
    variant(
        "generate",
        "not-zero",
        "leaves the loop by a condition that takes the ending for false",
        """
        @ad.exercise
        def generate(prompt, weights, max_new_tokens):
            tokens, new = prompt[:], 0
            while new < max_new_tokens and len(tokens) < CONTEXT:
                last = len(tokens) - 1
                word = logits_of(tokens, weights)[last].max(dim=0).indices.item()
                if not word:
                    return tokens
                tokens = tokens + [word]
                new += 1
            return tokens
        """,
    ),
]

VARIANTS = [*CAUSAL_SELF_ATTENTION, *DECODER_LAYER, *TRANSFORMER_LM, *CROSS_ENTROPY_LOSS, *SGD_EPOCH, *GENERATE]
