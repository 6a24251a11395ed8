"""Variants of unit 4."""

from __future__ import annotations

from autodiff_lib.units.vision_transformer.unit import UNIT

from .. import variants_of

variant = variants_of(UNIT.name)

LINEAR = [
    variant(
        "linear",
        "operators-by-name",
        "calls operators by name, typed, with a print",
        '''
        @exercise
        def linear(X: ad.Node, W: ad.Node, b: ad.Node) -> ad.Node:
            """X (..., N), W (N, M), b (M,) -> (..., M)."""
            print("a layer of", W)
            return ad.add(b, ad.matmul(X, W))
        ''',
    ),
    variant(
        "linear",
        "everything-on-its-side",
        "multiplies both matrices on their side, and turns the product back",
        """
        @exercise
        def linear(X, W, b):
            turned = ad.transpose(W, 0, 1) @ ad.transpose(X, -1, -2)
            return ad.transpose(turned, -1, -2) + b
        """,
    ),
    variant(
        "linear",
        "bias-as-a-row",
        "makes a row of the bias, of the product's shape, before it is added",
        """
        @exercise
        def linear(X, W, b):
            product = X @ W
            return product + b * ad.ones_like(product)
        """,
    ),
]

SELF_ATTENTION = [
    variant(
        "self_attention",
        "scaled-queries",
        "scales the queries, not the scores, by a power of model_dim",
        """
        @exercise
        def self_attention(X, W_Q, W_K, W_V, model_dim):
            queries = X @ W_Q * model_dim**-0.5
            weights = ad.softmax(queries @ ad.transpose(X @ W_K, 1, 2))
            return ad.matmul(weights, X @ W_V)
        """,
    ),
    variant(
        "self_attention",
        "matrices-folded",
        "multiplies W_Q with W_K first, and mixes the rows before it makes values of them",
        """
        @exercise
        def self_attention(X, W_Q, W_K, W_V, model_dim):
            compare = W_Q @ ad.transpose(W_K, 0, 1) / math.sqrt(model_dim)  # (D, D)
            shares = ad.softmax(X @ compare @ ad.transpose(X, -1, -2), dim=2)
            return shares @ X @ W_V
        """,
    ),
    variant(
        "self_attention",
        "softmax-by-hand",
        "writes the softmax out, and divides after the mixing",
        """
        def compared(a, b):
            return a @ ad.transpose(b, -1, -2)
        """,
        """
        @exercise
        def self_attention(X, W_Q, W_K, W_V, model_dim):
            powers = ad.exp(compared(X @ W_Q, X @ W_K) / math.sqrt(model_dim))
            return powers @ (X @ W_V) / ad.sum_op(powers, dim=-1, keepdim=True)
        """,
    ),
    variant(
        "self_attention",
        "columns-ask",
        "computes everything on its side: columns ask, and the softmax runs down",
        """
        @exercise
        def self_attention(X, W_Q, W_K, W_V, model_dim):
            def turned(node):
                return ad.transpose(node, -2, -1)

            scores = (X @ W_K) @ turned(X @ W_Q) / model_dim**0.5
            return turned(turned(X @ W_V) @ ad.softmax(scores, dim=-2))
        """,
    ),
]

ENCODER_LAYER = [
    variant(
        "encoder_layer",
        "by-hand",
        "calls neither of the two functions, but has them inside",
        """
        @exercise
        def encoder_layer(X, W_Q, W_K, W_V, W_1, b_1, W_2, b_2, model_dim):
            scores = (X @ W_Q) @ ad.transpose(X @ W_K, -1, -2) / math.sqrt(model_dim)
            h = ad.softmax(scores, dim=-1) @ (X @ W_V)
            h = ad.relu(h @ W_1 + b_1)
            return h @ W_2 + b_2
        """,
    ),
    variant(
        "encoder_layer",
        "relu-by-comparison",
        "writes relu as a product with a comparison, and calls by keyword",
        """
        def bend(x):
            return x * ad.greater(x, ad.zeros_like(x))
        """,
        """
        @exercise
        def encoder_layer(X, W_Q, W_K, W_V, W_1, b_1, W_2, b_2, model_dim):
            h = self_attention(X=X, W_Q=W_Q, W_K=W_K, W_V=W_V, model_dim=model_dim)
            for W, b, after in ((W_1, b_1, bend), (W_2, b_2, lambda node: node)):
                h = after(linear(h, W=W, b=b))
            return h
        """,
    ),
]

VISION_TRANSFORMER = [
    variant(
        "vision_transformer",
        "head-before-mean",
        "gives each row logits of its own, and takes the mean of these",
        """
        @exercise
        def vision_transformer(X, weights, model_dim):
            w = dict(weights)
            h = linear(X, w.pop("W_embed"), w.pop("b_embed")) + w.pop("positions")
            W_head, b_head = w.pop("W_head"), w.pop("b_head")
            return ad.mean(linear(encoder_layer(h, **w, model_dim=model_dim), W_head, b_head), dim=-2)
        """,
    ),
    variant(
        "vision_transformer",
        "sum-over-sum-of-ones",
        "divides the sum of the rows by a sum of ones",
        """
        def average(node):
            return ad.sum_op(node, dim=1) / ad.sum_op(ad.ones_like(node), dim=1)
        """,
        """
        @exercise
        def vision_transformer(X, weights, model_dim):
            names = ("W_Q", "W_K", "W_V", "W_1", "b_1", "W_2", "b_2")
            embedded = weights["positions"] + linear(X, weights["W_embed"], weights["b_embed"])
            encoded = encoder_layer(embedded, *(weights[name] for name in names), model_dim)
            return linear(average(encoded), weights["W_head"], weights["b_head"])
        """,
    ),
    variant(
        "vision_transformer",
        "position-with-bias",
        "adds positions and bias to each other first, and calls no function but the encoder",
        """
        @exercise
        def vision_transformer(X, weights, model_dim):
            W_embed, b_embed, positions, *inner, W_head, b_head = weights.values()
            X = X @ W_embed + (positions + b_embed)
            X = ad.mean(encoder_layer(X, *inner, model_dim), dim=1, keepdim=True)
            return ad.sum_op(X @ W_head + b_head, dim=1)
        """,
    ),
]

SOFTMAX_LOSS = [
    variant(
        "softmax_loss",
        "sharper-softmax",
        "finds the largest logit by a softmax that is fifty times as sharp",
        """
        def soft_maximum(Z, times):
            shares = ad.softmax(times * Z, dim=1)
            return ad.sum_op(Z * shares, dim=1, keepdim=True)
        """,
        """
        @exercise
        def softmax_loss(Z, y_one_hot, batch_size):
            m = soft_maximum(Z, 50)
            log_sum = m + ad.log(ad.sum_op(ad.exp(Z - m), dim=1, keepdim=True))
            right = ad.sum_op(Z * y_one_hot, dim=1, keepdim=True)
            return ad.mean(log_sum - right, dim=(0, 1))
        """,
    ),
    variant(
        "softmax_loss",
        "difference-to-the-right-one",
        "takes the logit of the right class away first",
        """
        @exercise
        def softmax_loss(Z, y_one_hot, batch_size):
            above = Z - ad.sum_op(Z * y_one_hot, dim=-1, keepdim=True)  # how far each class is above the right one
            top = ad.sum_op(ad.softmax(above) * above, dim=-1, keepdim=True)
            each = ad.log(ad.sum_op(ad.exp(above - top), dim=-1, keepdim=True)) + top
            return ad.sum_op(each, dim=(1, 0)) * (1 / batch_size)
        """,
    ),
    variant(
        "softmax_loss",
        "labels-by-product",
        "picks the right logits with a sum over everything, at the end",
        """
        @exercise
        def softmax_loss(Z, y_one_hot, batch_size):
            p = ad.softmax(Z, dim=-1)
            m = ad.sum_op(p * Z, dim=1)
            spread = ad.exp(Z - ad.expand_as(m, Z, dim=1))
            return (ad.sum_op(ad.log(ad.sum_op(spread, dim=1)) + m, dim=0) - ad.sum_op(Z * y_one_hot, dim=(0, 1))) / batch_size
        """,
    ),
]

SGD_EPOCH = [
    variant(
        "sgd_epoch",
        "split",
        "cuts with split, and keeps losses and sizes in lists",
        """
        @exercise
        def sgd_epoch(run_model, X, y, weights, batch_size, learning_rate):
            losses, sizes = [], []
            for images, labels in zip(X.split(batch_size), y.split(batch_size)):
                loss, grads = run_model(images, labels, weights)
                new = {}
                for name in weights:
                    new[name] = weights[name] - grads[name] * learning_rate
                weights = new
                losses.append(loss)
                sizes.append(len(images))
            return weights, sum(loss * size for loss, size in zip(losses, sizes)) / sum(sizes)
        """,
    ),
    variant(
        "sgd_epoch",
        "copy-first",
        "copies all weights at the beginning and changes the copies in place, with a bar",
        """
        from tqdm.auto import tqdm

        @exercise
        def sgd_epoch(run_model, X, y, weights, batch_size, learning_rate):
            mine = {name: value.clone() for name, value in weights.items()}
            mean, seen = 0, 0
            for start in tqdm(range(0, X.shape[0], batch_size), disable=True):
                end = min(start + batch_size, X.shape[0])
                loss, grads = run_model(X[start:end], y[start:end], {name: value.clone() for name, value in mine.items()})
                for name, grad in grads.items():
                    mine[name] -= learning_rate * grad
                seen += end - start
                mean += (float(loss) - mean) * (end - start) / seen
            return mine, mean
        """,
    ),
]

ACCURACY = [
    variant(
        "accuracy",
        "mean-of-booleans",
        "collects booleans of all batches and takes their mean, as a tensor of single precision",
        """
        @exercise
        def accuracy(predict, X, labels, batch_size):
            hits = [predict(x).max(dim=1).indices == t for x, t in zip(X.split(batch_size), labels.split(batch_size))]
            return torch.cat(hits).float().mean()
        """,
    ),
    variant(
        "accuracy",
        "plain-loops",
        "goes through the rows one by one, by probabilities",
        """
        @exercise
        def accuracy(predict, X, labels, batch_size):
            said = []
            while len(said) < len(X):
                shares = torch.softmax(predict(X[len(said) : len(said) + batch_size]), dim=-1)
                said += [max(range(len(row)), key=row.__getitem__) for row in shares.tolist()]
            return sum(int(a) == int(b) for a, b in zip(said, labels)) / len(labels)
        """,
    ),
    variant(
        "accuracy",
        "weighted-shares",
        "weights the share of each batch by its size",
        """
        @exercise
        def accuracy(predict, X, labels, batch_size):
            total = torch.tensor(0.0)
            for n in range(math.ceil(len(X) / batch_size)):
                some = slice(n * batch_size, (n + 1) * batch_size)
                best = torch.argmax(predict(X[some]), 1)
                total += torch.eq(best, labels[some]).float().mean() * len(labels[some])
            return (total / len(labels)).item()
        """,
    ),
]

VARIANTS = [*LINEAR, *SELF_ATTENTION, *ENCODER_LAYER, *VISION_TRANSFORMER, *SOFTMAX_LOSS, *SGD_EPOCH, *ACCURACY]
