"""Mistakes of unit 3."""

from __future__ import annotations

from autodiff_lib.units.transformer_lm.unit import UNIT

from .. import mistakes_of

mistake = mistakes_of(UNIT.name)

# --- causal_self_attention

PROJECTIONS = "Q, K, V = X @ W_Q, X @ W_K, X @ W_V"
PRODUCT = "Q @ ad.transpose(K, -2, -1)"
SCALE = " / math.sqrt(model_dim)"
SOFTMAX = "ad.softmax(scores + mask, dim=-1)"
LAST = "return mixed @ W_O"

CAUSAL_SELF_ATTENTION = [
    mistake(
        "causal_self_attention",
        "mask-forgotten",
        "the mask is not used",
        "One of your arguments stands nowhere in your code. What may the first word see, and who tells it so?",
        ("scores + mask", "scores"),
    ),
    mistake(
        "causal_self_attention",
        "mask-transposed",
        "the mask is transposed, so that the past is hidden and not the future",
        "Rows ask, columns are asked. In your version, which words does the first one see, and which does the last one?",
        ("scores + mask", "scores + ad.transpose(mask, -2, -1)"),
    ),
    mistake(
        "causal_self_attention",
        "mask-subtracted",
        "the mask is subtracted",
        "The numbers in the mask are negative already. What becomes of the score of a word to come?",
        ("scores + mask", "scores - mask"),
    ),
    mistake(
        "causal_self_attention",
        "mask-multiplied",
        "the scores are multiplied by the mask",
        "The mask is zero where a word may look. What is left of the scores there?",
        ("scores + mask", "scores * mask"),
    ),
    mistake(
        "causal_self_attention",
        "mask-after-softmax",
        "the mask is added to the weights, after the softmax",
        "After the softmax each row adds up to one. Does it still do so when you have applied the mask?",
        (SOFTMAX, "(ad.softmax(scores, dim=-1) + mask)"),
    ),
    mistake(
        "causal_self_attention",
        "mask-erases-weights",
        "the weights of the future are set to zero after the softmax, and those of the past stay as small as they were",
        "What do the weights of the first word add up to in your version? Where did the rest go?",
        (SOFTMAX, "(ad.softmax(scores, dim=-1) * (1 - ad.greater(ad.zeros_like(mask), mask)))"),
    ),
    mistake(
        "causal_self_attention",
        "mask-scaled",
        "the mask is divided by the square root of model_dim together with the scores",
        "A mask of huge numbers hides this. Give a mask of small ones: does it arrive at the softmax as it was?",
        (PRODUCT + SCALE, f"({PRODUCT} + mask){SCALE}"),
        ("scores + mask", "scores"),
    ),
    mistake(
        "causal_self_attention",
        "mask-as-switch",
        "of the mask, only the places where it is negative are used",
        "A mask may hold any numbers, to make a place more or less likely. Which of them does your code look at?",
        ("scores + mask", "scores - 1e9 * ad.greater(ad.zeros_like(mask), mask)"),
    ),
    mistake(
        "causal_self_attention",
        "scale-forgotten",
        "the scores are not divided by the square root of model_dim",
        "A score is a sum with a term for each dimension. What holds it back when there are many of them?",
        (SCALE, ""),
    ),
    mistake(
        "causal_self_attention",
        "scale-multiplied",
        "the scores are multiplied by the square root of model_dim",
        "Do your scores shrink or grow? Which of the two does the softmax need in order to stay soft?",
        (SCALE, " * math.sqrt(model_dim)"),
    ),
    mistake(
        "causal_self_attention",
        "scale-without-root",
        "the scores are divided by model_dim, not by its square root",
        "A sum of n terms with a variance of one has the variance n. By what does one divide to get back to one?",
        ("math.sqrt(model_dim)", "model_dim"),
    ),
    mistake(
        "causal_self_attention",
        "scale-of-the-notebook",
        "the scores are divided by the square root of a fixed number, 64",
        "Another model has other sizes. How does your function learn of them?",
        ("math.sqrt(model_dim)", "math.sqrt(64)"),
    ),
    mistake(
        "causal_self_attention",
        "scale-after-softmax",
        "the weights are divided by the square root of model_dim, after the softmax, and the scores are not",
        "What do the weights in a row add up to in your version? What is in the brackets of the softmax in the formula?",
        (SCALE, ""),
        (SOFTMAX, SOFTMAX + SCALE),
    ),
    mistake(
        "causal_self_attention",
        "softmax-forgotten",
        "the scores are used as weights, without a softmax",
        "Your weights can be negative, and huge where the mask is. What makes shares of a whole out of scores?",
        (SOFTMAX, "(scores + mask)"),
    ),
    mistake(
        "causal_self_attention",
        "softmax-over-queries",
        "the softmax runs over the queries, not over the keys",
        "Which adds up to one in your version: what a word gives to all keys, or what a key gets from all words?",
        ("dim=-1)", "dim=-2)"),
    ),
    mistake(
        "causal_self_attention",
        "softmax-over-batch",
        "the softmax runs over the sentences of the batch",
        "Change one sentence of the batch: does the result of another one change with it? Along which axis does the softmax run?",
        ("dim=-1)", "dim=0)"),
    ),
    mistake(
        "causal_self_attention",
        "weights-transposed",
        "the weights are transposed before they meet the values",
        "Row t of the weights belongs to word t. Whose weights mix the values of word t in your version?",
        (SOFTMAX, f"ad.transpose({SOFTMAX}, -2, -1)"),
    ),
    mistake(
        "causal_self_attention",
        "first-axes-transposed",
        "the first two axes of the keys are exchanged, which are batch and words",
        "Write the shape of K beside it, batch first. Which two axes must change places for rows to meet rows?",
        ("ad.transpose(K, -2, -1)", "ad.transpose(K, 0, 1)"),
    ),
    mistake(
        "causal_self_attention",
        "outer-axes-transposed",
        "the first and the last axis of the keys are exchanged",
        "The batch must stay where it is: sentences have nothing to do with each other. Which axis did you move?",
        ("ad.transpose(K, -2, -1)", "ad.transpose(K, 0, -1)"),
    ),
    mistake(
        "causal_self_attention",
        "dimensions-compared",
        "the queries are transposed and not the keys, so that dimensions are compared and not words",
        "How many rows and columns have your scores? There should be one for each pair of words.",
        (PRODUCT, "ad.transpose(Q, -2, -1) @ K"),
    ),
    mistake(
        "causal_self_attention",
        "keys-and-queries-exchanged",
        "queries and keys are exchanged in the product",
        "Row t of the scores should hold what word t asks. Is it asking or being asked in your version?",
        (PRODUCT, "K @ ad.transpose(Q, -2, -1)"),
    ),
    mistake(
        "causal_self_attention",
        "keys-are-queries",
        "the queries are compared with themselves, and W_K is not used",
        "What does a word offer, beside what it looks for? One of the matrices is never used.",
        (PROJECTIONS, "Q, K, V = X @ W_Q, X @ W_Q, X @ W_V"),
    ),
    mistake(
        "causal_self_attention",
        "keys-not-projected",
        "the queries are compared with the words themselves, without W_K",
        "The query asks in a language of its own. Who translates the words that it is compared with?",
        (PROJECTIONS, "Q, K, V = X @ W_Q, X, X @ W_V"),
    ),
    mistake(
        "causal_self_attention",
        "queries-not-projected",
        "the words themselves are compared with the keys, without W_Q",
        "What a word is and what it looks for need not be the same. Where does your code make the difference?",
        (PROJECTIONS, "Q, K, V = X, X @ W_K, X @ W_V"),
    ),
    mistake(
        "causal_self_attention",
        "values-not-projected",
        "the words themselves are mixed, without W_V",
        "What is mixed by the weights: the word, or what the word says if asked?",
        (PROJECTIONS, "Q, K, V = X @ W_Q, X @ W_K, X"),
    ),
    mistake(
        "causal_self_attention",
        "values-are-keys",
        "the keys are mixed, and W_V is not used",
        "A key is there to be found. Is it also what is said? Count how often each of your three products is used.",
        (" @ V  #", " @ K  #"),
    ),
    mistake(
        "causal_self_attention",
        "keys-and-values-exchanged",
        "W_K makes the values, and W_V the keys",
        "Check the three projections one by one: which matrix belongs to which letter?",
        (PROJECTIONS, "Q, K, V = X @ W_Q, X @ W_V, X @ W_K"),
    ),
    mistake(
        "causal_self_attention",
        "output-not-projected",
        "the mixed values are returned without W_O",
        "Your code ends one step before the formula does. Which matrix leads back to the dimension of the model?",
        (LAST, "return mixed"),
    ),
    mistake(
        "causal_self_attention",
        "output-transposed",
        "the mixed values are multiplied by the transpose of W_O",
        "Write the shapes of the last product beside it, for a value size that differs from model_dim. Do they fit?",
        (LAST, "return mixed @ ad.transpose(W_O, 0, 1)"),
    ),
    mistake(
        "causal_self_attention",
        "output-on-the-left",
        "W_O stands on the left of the last product",
        "Each word is a row. On which side does a matrix stand that turns rows into rows?",
        (LAST, "return W_O @ mixed"),
    ),
    mistake(
        "causal_self_attention",
        "residual-inside",
        "X is added to the result",
        "Your result is what the next exercise builds out of this one. What does the formula of the attention alone end with?",
        (LAST, "return X + mixed @ W_O"),
    ),
    mistake(
        "causal_self_attention",
        "mask-both-ways",
        "the mask is added together with its transpose, so that each word sees itself alone",
        "Your mask is the same on both sides of the diagonal. Which words may the last one still see?",
        ("scores + mask", "scores + mask + ad.transpose(mask, -2, -1)"),
    ),
]


# --- decoder_layer

CALL = "causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim)"
FIRST = "ad.layernorm(X + attended, (model_dim,))"
THOUGHT = "ad.relu(h @ W_ff1) @ W_ff2"
SECOND = "ad.layernorm(h + thought, (model_dim,))"

NORM_OVER_WORDS = """ad.layernorm(X + attended, (model_dim,))
    centred = X + attended - ad.mean(X + attended, dim=1, keepdim=True)
    h = centred / ad.sqrt(ad.mean(centred * centred, dim=1, keepdim=True) + 1e-5)"""

DECODER_LAYER = [
    mistake(
        "decoder_layer",
        "both-residuals-forgotten",
        "neither the attention nor the network has a sum around it",
        "Let attention and network answer zero: what arrives at the end, and what should arrive? Count the sums in the formula.",
        ("X + attended", "attended"),
        ("h + thought", "thought"),
    ),
    mistake(
        "decoder_layer",
        "both-norms-forgotten",
        "neither of the two sums is normalised",
        "What are mean and variance of a word on its way out, and what should they be? Read what stands around each sum.",
        ("ad.layernorm(X + attended, (model_dim,))", "X + attended"),
        ("ad.layernorm(h + thought, (model_dim,))", "h + thought"),
    ),
    mistake(
        "decoder_layer",
        "first-residual-forgotten",
        "X is not added to the attention",
        "If the attention finds nothing, what is left of the word itself? Compare the first line of the formula.",
        ("X + attended", "attended"),
    ),
    mistake(
        "decoder_layer",
        "second-residual-forgotten",
        "h is not added to what the network says",
        "The first block has a way around it. Has the second one?",
        ("h + thought", "thought"),
    ),
    mistake(
        "decoder_layer",
        "second-residual-from-input",
        "the second sum starts from X, not from h",
        "The way around the network begins where the network begins. What is its input?",
        ("h + thought", "X + thought"),
    ),
    mistake(
        "decoder_layer",
        "second-residual-from-attention",
        "the second sum starts from the attention alone, not from h",
        "You have three candidates for the second sum: X, the attention, and h. Which one did the network get?",
        ("h + thought", "attended + thought"),
    ),
    mistake(
        "decoder_layer",
        "input-added-again",
        "X is added in the second sum as well, beside h",
        "Count how often X enters by itself in the formula. And in your code?",
        ("h + thought", "X + h + thought"),
    ),
    mistake(
        "decoder_layer",
        "first-norm-forgotten",
        "the first sum is not normalised",
        "What is the variance of each row of your h? Compare the first line of the formula.",
        (FIRST, "X + attended"),
    ),
    mistake(
        "decoder_layer",
        "second-norm-forgotten",
        "the second sum is not normalised",
        "What is the variance of each row of your result? Compare the second line of the formula.",
        (SECOND, "h + thought"),
    ),
    mistake(
        "decoder_layer",
        "norms-before",
        "each block gets a normalised input, and the sums are not normalised",
        "Many large models are built as yours is. But here, does the norm stand before the block or after the sum?",
        ("causal_self_attention(X,", "causal_self_attention(ad.layernorm(X, (model_dim,)),"),
        (FIRST, "X + attended"),
        ("ad.relu(h @", "ad.relu(ad.layernorm(h, (model_dim,)) @"),
        (SECOND, "h + thought"),
    ),
    mistake(
        "decoder_layer",
        "first-norm-inside-sum",
        "only the attention is normalised, and X is added afterwards",
        "Look at the brackets of the first norm: how far do they reach?",
        (FIRST, "X + ad.layernorm(attended, (model_dim,))"),
    ),
    mistake(
        "decoder_layer",
        "second-norm-inside-sum",
        "only what the network says is normalised, and h is added afterwards",
        "Look at the brackets of the second norm: how far do they reach?",
        (SECOND, "h + ad.layernorm(thought, (model_dim,))"),
    ),
    mistake(
        "decoder_layer",
        "norm-over-words",
        "the first norm runs over the words of a sentence, not over the last axis",
        "Change the last word of a sentence. Should the norm of the first word notice it?",
        (FIRST, NORM_OVER_WORDS),
    ),
    mistake(
        "decoder_layer",
        "other-eps",
        "the norms have an eps of their own",
        "Your numbers are right to a few digits. Which argument of the norm did you set that nobody asked for?",
        ("(model_dim,))", "(model_dim,), eps=1e-6)"),
    ),
    mistake(
        "decoder_layer",
        "relu-forgotten",
        "there is no relu between the two matrices of the network",
        "Two matrices in a row are worth a single one. What should stand between them?",
        (THOUGHT, "h @ W_ff1 @ W_ff2"),
    ),
    mistake(
        "decoder_layer",
        "relu-first",
        "relu is applied to h, before the first matrix",
        "Which matrices have a bend between them in your network? Half of h does not even get in.",
        (THOUGHT, "ad.relu(h) @ W_ff1 @ W_ff2"),
    ),
    mistake(
        "decoder_layer",
        "relu-last",
        "relu is applied after the second matrix",
        "Your network can only add to h, and never take away. Where should the bend be?",
        (THOUGHT, "ad.relu(h @ W_ff1 @ W_ff2)"),
    ),
    mistake(
        "decoder_layer",
        "relu-of-sum",
        "relu is applied to the second sum",
        "The way around the network should let everything pass. What stops half of it?",
        (THOUGHT, "h @ W_ff1 @ W_ff2"),
        ("ad.layernorm(h + thought,", "ad.layernorm(ad.relu(h + thought),"),
    ),
    mistake(
        "decoder_layer",
        "network-exchanged",
        "the two matrices of the network are exchanged",
        "Write the shapes beside the two products. Which matrix can h be multiplied by?",
        (THOUGHT, "ad.relu(h @ W_ff2) @ W_ff1"),
    ),
    mistake(
        "decoder_layer",
        "network-on-input",
        "the network gets X, not h",
        "The words have talked to each other. Does your network hear what was said?",
        ("ad.relu(h @", "ad.relu(X @"),
    ),
    mistake(
        "decoder_layer",
        "network-on-attention",
        "the network gets the attention alone, not h",
        "Your network thinks about what the others said. Does it still know which word it is thinking for?",
        ("ad.relu(h @", "ad.relu(attended @"),
    ),
    mistake(
        "decoder_layer",
        "network-forgotten",
        "h is returned, and the network is left out",
        "Your layer has one half. Which two matrices have nothing to do?",
        ("return " + SECOND, "return h"),
    ),
    mistake(
        "decoder_layer",
        "attention-forgotten",
        "the attention is left out",
        "Change the first word: which other words notice it in your layer? Who lets them talk to each other?",
        ("X + attended", "X"),
    ),
    mistake(
        "decoder_layer",
        "mask-not-passed",
        "the attention gets zeros for a mask",
        "Your attention is asked with a mask of zeros. What does it let the first word see?",
        ("W_O, mask, model_dim)", "W_O, ad.zeros_like(mask), model_dim)"),
    ),
    mistake(
        "decoder_layer",
        "weights-in-other-order",
        "the attention gets W_K where W_Q belongs, and the other way round",
        "Compare the call of your attention with its definition, argument by argument.",
        ("W_Q, W_K, W_V, W_O, mask, model_dim)\n    h", "W_K, W_Q, W_V, W_O, mask, model_dim)\n    h"),
    ),
    mistake(
        "decoder_layer",
        "root-passed",
        "the attention gets the root of model_dim and takes the root again",
        "Who takes the root of model_dim: the layer, the attention, or both?",
        ("mask, model_dim)\n    h", "mask, math.sqrt(model_dim))\n    h"),
    ),
]


# --- transformer_lm

UNPACKED = "W_embed, *layer, W_head = weights.values()"
EMBEDDED = "tokens @ W_embed + positions"
LAYER = "decoder_layer(X, *layer, mask, model_dim)"

ALPHABETICAL = (
    'W_embed, *_, W_head = weights.values()\n    layer = [weights[name] for name in sorted(weights) if name not in ("W_embed", "W_head")]'
)
VALUE_BEFORE_KEY = (
    'W_embed, *_, W_head = weights.values()\n    layer = [weights["W_" + part] for part in ("Q", "V", "K", "O", "ff1", "ff2")]'
)

TRANSFORMER_LM = [
    mistake(
        "transformer_lm",
        "positions-forgotten",
        "the positions are not used",
        "Exchange two words of the past: does the model notice? One of your arguments stands nowhere.",
        (EMBEDDED, "tokens @ W_embed"),
    ),
    mistake(
        "transformer_lm",
        "positions-multiplied",
        "the embeddings are multiplied by the positions",
        "The code of a place has zeros in it. What happens to the word there?",
        (EMBEDDED, "(tokens @ W_embed) * positions"),
    ),
    mistake(
        "transformer_lm",
        "positions-after-layer",
        "the positions are added after the layer",
        "Who needs to know where a word stands: the head, or the attention?",
        (EMBEDDED, "tokens @ W_embed"),
        (LAYER, f"({LAYER} + positions)"),
    ),
    mistake(
        "transformer_lm",
        "positions-twice",
        "the positions are added before the layer and once more after it",
        "How often does the place enter in the formula?",
        (LAYER, f"({LAYER} + positions)"),
    ),
    mistake(
        "transformer_lm",
        "positions-subtracted",
        "the positions are subtracted",
        "A model could learn with this as well. But which sign has the place in the formula?",
        (EMBEDDED, "tokens @ W_embed - positions"),
    ),
    mistake(
        "transformer_lm",
        "positions-embedded",
        "the positions are added to the one-hot rows, before W_embed",
        "The code of a place has D numbers. To what that has D numbers can it be added?",
        (EMBEDDED, "(tokens + positions) @ W_embed"),
    ),
    mistake(
        "transformer_lm",
        "positions-alone",
        "the layer gets the positions alone, without the words",
        "Give your model two other sentences of the same length. Why does it say the same?",
        (EMBEDDED, "positions + ad.zeros_like(tokens @ W_embed)"),
    ),
    mistake(
        "transformer_lm",
        "embedding-scaled",
        "the embeddings are multiplied by the square root of model_dim",
        "You may know this factor from the paper on transformers. Is it in our formula?",
        (EMBEDDED, "tokens @ W_embed * math.sqrt(model_dim) + positions"),
    ),
    mistake(
        "transformer_lm",
        "input-normalised",
        "the sum of embedding and position is normalised before the layer",
        "Both norms of this model are inside the layer. Which one did you add?",
        (EMBEDDED, f"ad.layernorm({EMBEDDED}, (model_dim,))"),
    ),
    mistake(
        "transformer_lm",
        "head-forgotten",
        "the result of the layer is returned without W_head",
        "How many numbers has a row of your result, and how many words are there to choose from?",
        ("model_dim) @ W_head", "model_dim)"),
    ),
    mistake(
        "transformer_lm",
        "head-is-embedding",
        "the transpose of W_embed stands in the place of W_head",
        "Some models share one matrix for both ends. Does this one, and what is W_head for?",
        ("model_dim) @ W_head", "model_dim) @ ad.transpose(W_embed, 0, 1)"),
    ),
    mistake(
        "transformer_lm",
        "embedding-is-head",
        "the transpose of W_head stands in the place of W_embed",
        "Some models share one matrix for both ends. Does this one, and what is W_embed for?",
        ("tokens @ W_embed", "tokens @ ad.transpose(W_head, 0, 1)"),
    ),
    mistake(
        "transformer_lm",
        "ends-exchanged",
        "the transpose of W_head embeds the words, and the transpose of W_embed is the head",
        "Which weight comes first in the dictionary, and which last? Their shapes tell as well.",
        (
            UNPACKED,
            "W_head, *layer, W_embed = [ad.transpose(W, 0, 1) if W in (weights['W_embed'], weights['W_head']) else W for W in weights.values()]",
        ),
    ),
    mistake(
        "transformer_lm",
        "layer-forgotten",
        "the head reads the embeddings, and the layer is left out",
        "Can a word know what stands before it in your model? Count the weights that are used.",
        (LAYER, "X"),
    ),
    mistake(
        "transformer_lm",
        "layer-twice",
        "the layer is applied twice",
        "How deep is this model? Two layers would have two sets of weights.",
        (LAYER, f"decoder_layer({LAYER}, *layer, mask, model_dim)"),
    ),
    mistake(
        "transformer_lm",
        "residual-around-layer",
        "the input of the layer is added to its result",
        "The ways around attention and network are inside the layer. Which one did you add?",
        (LAYER, f"(X + {LAYER})"),
    ),
    mistake(
        "transformer_lm",
        "output-normalised",
        "the result of the layer is normalised once more",
        "What does the layer itself end with? Nearly nothing changes when you do it again, but the formula does not.",
        (LAYER, f"ad.layernorm({LAYER}, (model_dim,))"),
    ),
    mistake(
        "transformer_lm",
        "mask-not-passed",
        "the layer gets zeros for a mask",
        "Your layer is asked with a mask of zeros. What does it let the first word see?",
        ("*layer, mask, model_dim", "*layer, ad.zeros_like(mask), model_dim"),
    ),
    mistake(
        "transformer_lm",
        "mask-transposed",
        "the layer gets the mask transposed",
        "Rows ask, columns are asked. Which words does the first one see in your model?",
        ("*layer, mask, model_dim", "*layer, ad.transpose(mask, 0, 1), model_dim"),
    ),
    mistake(
        "transformer_lm",
        "alphabetical",
        "the layer gets its weights in alphabetical order",
        "In which order do you take the weights out of the dictionary, and in which does the layer expect them?",
        (UNPACKED, ALPHABETICAL),
    ),
    mistake(
        "transformer_lm",
        "value-before-key",
        "the layer gets W_V where W_K belongs, and the other way round",
        "Compare the call of your layer with its definition, argument by argument.",
        (UNPACKED, VALUE_BEFORE_KEY),
    ),
    mistake(
        "transformer_lm",
        "probabilities",
        "the logits go through a softmax",
        "What is expected are scores for the words. Who makes probabilities of them, and what if it is done twice?",
        (f"return {LAYER} @ W_head", f"return ad.softmax({LAYER} @ W_head, dim=-1)"),
    ),
    mistake(
        "transformer_lm",
        "log-probabilities",
        "the logarithm of the softmax of the logits is returned",
        "You have done a part of the next exercise here already. What does the formula of the logits end with?",
        (f"return {LAYER} @ W_head", f"return ad.log(ad.softmax({LAYER} @ W_head, dim=-1))"),
    ),
]


# --- cross_entropy_loss

LOG_P = "log_p = ad.log(ad.softmax(logits, dim=-1))"
TOTAL = "ad.sum_op(targets * log_p, dim=(0, 1, 2))"
LOSS = f"{TOTAL} / -num_tokens"

CROSS_ENTROPY_LOSS = [
    mistake(
        "cross_entropy_loss",
        "sign",
        "the minus sign is missing",
        "The logarithm of a probability is negative. Should a loss become smaller and smaller as the model gets worse?",
        ("-num_tokens", "num_tokens"),
    ),
    mistake(
        "cross_entropy_loss",
        "sum",
        "the sum over all tokens is returned, not the mean",
        "Give the same sentence twice, as a batch of two. Should the loss double?",
        (LOSS, f"-{TOTAL}"),
    ),
    mistake(
        "cross_entropy_loss",
        "mean-over-words",
        "the mean goes over the vocabulary too",
        "In each row of the targets there is a single one. By how many entries do you divide for one token?",
        (LOSS, "-ad.mean(targets * log_p, dim=(0, 1, 2))"),
    ),
    mistake(
        "cross_entropy_loss",
        "vocabulary-of-the-notebook",
        "the mean goes over the vocabulary too and is multiplied by a fixed number of words, 33",
        "Your code knows how many words the notebook's model has. What if another model has more?",
        (LOSS, "-33 * ad.mean(targets * log_p, dim=(0, 1, 2))"),
    ),
    mistake(
        "cross_entropy_loss",
        "mean-over-sentences",
        "the mean goes over the sentences, and the tokens of a sentence are summed",
        "Is a longer sentence more expensive in your version, although each of its words is as likely?",
        (LOSS, "-ad.sum_op(ad.mean(targets * log_p, dim=0), dim=(0, 1))"),
    ),
    mistake(
        "cross_entropy_loss",
        "mean-over-places",
        "the mean goes over the tokens of a sentence, and the sentences are summed",
        "Give the same sentence twice, as a batch of two. Over which of the three axes does your mean go?",
        (LOSS, "-ad.sum_op(ad.mean(targets * log_p, dim=1), dim=(0, 1))"),
    ),
    mistake(
        "cross_entropy_loss",
        "divided-twice",
        "the mean is taken, and divided by the number of tokens once more",
        "How many times do you divide? A mean has done it already.",
        (LOSS, "ad.mean(ad.sum_op(targets * log_p, dim=-1), dim=(0, 1)) / -num_tokens"),
    ),
    mistake(
        "cross_entropy_loss",
        "count-of-the-notebook",
        "the sum is divided by a fixed number of tokens, 50",
        "Another batch has another size. How does your function learn of it?",
        ("-num_tokens", "-50"),
    ),
    mistake(
        "cross_entropy_loss",
        "per-token",
        "a loss for each token is returned",
        "Gradients are taken of a single number. What shape has your result?",
        (TOTAL, "ad.sum_op(targets * log_p, dim=-1)"),
    ),
    mistake(
        "cross_entropy_loss",
        "per-sentence",
        "a loss for each sentence is returned",
        "Your sum goes over the words and over the places. Which axis is left?",
        (TOTAL, "ad.sum_op(targets * log_p, dim=(1, 2))"),
    ),
    mistake(
        "cross_entropy_loss",
        "softmax-over-places",
        "the softmax runs over the places of a sentence",
        "Which of your numbers add up to one: the words that might follow at one place, or one word at all places?",
        ("logits, dim=-1)", "logits, dim=1)"),
    ),
    mistake(
        "cross_entropy_loss",
        "softmax-over-batch",
        "the softmax runs over the sentences of the batch",
        "For a batch of one sentence your loss is zero, whatever the model says. Between whom are the probabilities shared?",
        ("logits, dim=-1)", "logits, dim=0)"),
    ),
    mistake(
        "cross_entropy_loss",
        "softmax-forgotten",
        "the logarithm is taken of the logits themselves",
        "Some logits are negative. What must they be turned into before a logarithm makes sense?",
        ("ad.log(ad.softmax(logits, dim=-1))", "ad.log(logits)"),
    ),
    mistake(
        "cross_entropy_loss",
        "softmax-twice",
        "the softmax is taken twice",
        "How low can your loss become for a model that is quite sure, and right? Count how often you make probabilities.",
        ("ad.softmax(logits, dim=-1)", "ad.softmax(ad.softmax(logits, dim=-1), dim=-1)"),
    ),
    mistake(
        "cross_entropy_loss",
        "logarithm-forgotten",
        "the mean is over the probabilities, without their logarithm",
        "What does your loss charge for a probability of nearly zero? It should hurt much more.",
        (LOG_P, "log_p = ad.softmax(logits, dim=-1)"),
    ),
    mistake(
        "cross_entropy_loss",
        "logits-alone",
        "the mean is over the logits of the right words, without softmax and logarithm",
        "Add the same number to all logits: nothing has become more probable. What does your loss say?",
        (LOG_P, "log_p = logits"),
    ),
    mistake(
        "cross_entropy_loss",
        "log-of-mean",
        "the logarithm is taken of the mean probability",
        "Which comes first in the formula: the logarithm, or the mean over the tokens?",
        (LOG_P, "p = ad.softmax(logits, dim=-1)"),
        (LOSS, "-ad.log(ad.sum_op(targets * p, dim=(0, 1, 2)) / num_tokens)"),
    ),
    mistake(
        "cross_entropy_loss",
        "squared-error",
        "the loss is the squared difference between probabilities and targets",
        "You measure a distance. What does the cross-entropy look at, for each token, and what does it not look at?",
        (LOG_P, "p = ad.softmax(logits, dim=-1)"),
        (LOSS, "ad.sum_op((p - targets) ** 2, dim=(0, 1, 2)) / num_tokens"),
    ),
    mistake(
        "cross_entropy_loss",
        "binary",
        "each word is a yes-or-no question of its own, and the no counts as well",
        "The softmax has already made the wrong words pay. Must you charge them once more?",
        (LOG_P, "p = ad.softmax(logits, dim=-1)"),
        (LOSS, "ad.sum_op(targets * ad.log(p) + (1 - targets) * ad.log(1 - p), dim=(0, 1, 2)) / -num_tokens"),
    ),
    mistake(
        "cross_entropy_loss",
        "targets-unused",
        "the logarithms of all probabilities are summed, and the targets are not used",
        "How does your loss know which word really came?",
        ("targets * log_p", "log_p"),
    ),
    mistake(
        "cross_entropy_loss",
        "entropy",
        "the probabilities stand in the place of the targets",
        "Your loss asks how unsure the model is. Should it not ask how wrong it is?",
        ("targets * log_p", "ad.softmax(logits, dim=-1) * log_p"),
    ),
    mistake(
        "cross_entropy_loss",
        "logarithm-of-targets",
        "the logarithm is taken of the targets, and the probabilities stand in front of it",
        "Most targets are zero. What is their logarithm? See which of the two stands inside of it.",
        (LOG_P, "p = ad.softmax(logits, dim=-1)"),
        ("targets * log_p", "p * ad.log(targets)"),
    ),
    mistake(
        "cross_entropy_loss",
        "arguments-exchanged",
        "logits and targets are exchanged",
        "Of which argument do you take the softmax, and which one picks the right word?",
        ("ad.softmax(logits,", "ad.softmax(targets,"),
        ("targets * log_p", "logits * log_p"),
    ),
    mistake(
        "cross_entropy_loss",
        "bits",
        "the logarithm has the base two",
        "Your loss is in bits. Which logarithm does the formula have, and what is the loss of an untrained model then?",
        (LOSS, f"{LOSS} / math.log(2)"),
    ),
    mistake(
        "cross_entropy_loss",
        "guarded",
        "a small number is added to the probabilities before the logarithm",
        "The numbers are right to a few digits. What did you add that is not in the formula?",
        ("ad.log(ad.softmax(logits, dim=-1))", "ad.log(ad.softmax(logits, dim=-1) + 1e-8)"),
    ),
]


# --- sgd_epoch

EPOCH = """    total = 0.0
    for start in range(0, len(x), batch_size):
        batch = slice(start, start + batch_size)
        loss, grads = run_model(x[batch], y[batch], weights)
        weights = {
            name: value - learning_rate * grads[name] for name, value in weights.items()
        }
        total += float(loss) * len(x[batch])
    return weights, total / len(x)
"""
STEP = """weights = {
            name: value - learning_rate * grads[name] for name, value in weights.items()
        }"""
ALL_BUT_ONE = "{name: value - learning_rate * grads[name] if name != last else value for name, value in weights.items()}"

FIRST_GRADIENTS = """        loss, now = run_model(x[batch], y[batch], weights)
        grads = now if start == 0 else grads
"""

SGD_EPOCH = [
    mistake(
        "sgd_epoch",
        "uphill",
        "the gradients are added",
        "The gradient points to where the loss grows. Where does your step go?",
        ("value - learning_rate", "value + learning_rate"),
    ),
    mistake(
        "sgd_epoch",
        "rate-forgotten",
        "the learning rate is not used",
        "How long is your step, and who may decide on that?",
        ("learning_rate * grads", "grads"),
    ),
    mistake(
        "sgd_epoch",
        "rate-squared",
        "the learning rate is multiplied in twice",
        "Double the learning rate: does your step become twice as long?",
        ("learning_rate * grads", "learning_rate**2 * grads"),
    ),
    mistake(
        "sgd_epoch",
        "rate-divided-by-batch",
        "the step is divided by the size of the batch",
        "The loss of a batch is a mean. Must its gradient be divided by the number of samples once more?",
        ("learning_rate * grads[name]", "learning_rate / len(x[batch]) * grads[name]"),
    ),
    mistake(
        "sgd_epoch",
        "rate-times-batch",
        "the step is multiplied by the size of the batch",
        "The loss of a batch is a mean, and so is its gradient. What do you make of it?",
        ("learning_rate * grads[name]", "learning_rate * len(x[batch]) * grads[name]"),
    ),
    mistake(
        "sgd_epoch",
        "rate-divided-by-samples",
        "the step is divided by the number of all samples",
        "With more samples your steps get shorter. Is that in the formula of the update?",
        ("learning_rate * grads[name]", "learning_rate / len(x) * grads[name]"),
    ),
    mistake(
        "sgd_epoch",
        "rate-of-the-notebook",
        "the learning rate is always 0.1",
        "The caller names a rate. Where does your code read it?",
        ("learning_rate * grads", "0.1 * grads"),
    ),
    mistake(
        "sgd_epoch",
        "last-weight-forgotten",
        "the last weight of the dictionary is not updated",
        "Compare old and new weights one by one. Which one never moves?",
        (STEP, f"last = list(weights)[-1]\n        weights = {ALL_BUT_ONE}"),
    ),
    mistake(
        "sgd_epoch",
        "first-weight-alone",
        "only the first weight of the dictionary is updated",
        "Compare old and new weights one by one. How many of them move?",
        (STEP, "first = next(iter(weights))\n        weights = {**weights, first: weights[first] - learning_rate * grads[first]}"),
    ),
    mistake(
        "sgd_epoch",
        "names-of-the-notebook",
        "the weights are looked up by the names that they have in the notebook",
        "Another model has weights of other names. Where could your code learn them?",
        ("for name, value in weights.items()", "for name, value in zip(SHAPES, [weights[name] for name in SHAPES])"),
    ),
    mistake(
        "sgd_epoch",
        "first-gradients-reused",
        "the gradients of the first batch are used for all batches",
        "When the weights have moved the gradient is another one. Which gradient does your second step follow?",
        ("        loss, grads = run_model(x[batch], y[batch], weights)\n", FIRST_GRADIENTS),
    ),
    mistake(
        "sgd_epoch",
        "from-old-weights",
        "every batch is run with the weights from before the epoch, and their steps are added up",
        "Which weights does your second batch see: those the first one has left, or those from the beginning?",
        ("    total = 0.0\n", "    total, old = 0.0, weights\n"),
        ("y[batch], weights)", "y[batch], old)"),
    ),
    mistake(
        "sgd_epoch",
        "last-step-alone",
        "the new weights are the old ones with the step of the last batch alone",
        "How many steps are left in your new weights, for an epoch of many batches? See which weights each step starts from.",
        ("        weights = {\n", "        new = {\n"),
        ("return weights,", "return new,"),
    ),
    mistake(
        "sgd_epoch",
        "return-in-loop",
        "the function returns after the first batch",
        "How far is your return moved to the right? When is it reached?",
        ("    return weights, total", "        return weights, total"),
    ),
    mistake(
        "sgd_epoch",
        "in-place",
        "the caller's weights are changed in place",
        "Print the weights that you were given, before the call and after it. Which of your lines writes into something that is not yours?",
        ("value - learning_rate * grads[name] for", "value.sub_(learning_rate * grads[name]) for"),
    ),
    mistake(
        "sgd_epoch",
        "last-batch-dropped",
        "a last batch that is smaller is left out",
        "Seven samples in batches of three: which samples does your model never see?",
        ("range(0, len(x), batch_size)", "range(0, len(x) - batch_size + 1, batch_size)"),
    ),
    mistake(
        "sgd_epoch",
        "all-samples-each-time",
        "all samples are run for each batch",
        "You cut the samples into batches. Which of them do you hand to the model?",
        ("run_model(x[batch], y[batch], weights)", "run_model(x, y, weights)"),
    ),
    mistake(
        "sgd_epoch",
        "one-batch",
        "all samples are one batch",
        "How many steps should there be in an epoch, for six samples in batches of three? How many do you take?",
        ("range(0, len(x), batch_size)", "range(0, len(x), len(x))"),
        ("start + batch_size)", "start + len(x))"),
    ),
    mistake(
        "sgd_epoch",
        "one-sample-short",
        "each batch lacks its last sample",
        "A slice ends before its second number. Count the samples in your first batch.",
        ("start + batch_size)", "start + batch_size - 1)"),
    ),
    mistake(
        "sgd_epoch",
        "answers-not-cut",
        "the answers are not cut into batches",
        "You hand over a few samples, and the answers of how many?",
        ("y[batch]", "y"),
    ),
    mistake(
        "sgd_epoch",
        "shuffled",
        "the samples are taken in a random order",
        "Shuffling is usual, and often good. Which order does the text ask for?",
        (
            "    total = 0.0\n",
            "    total = 0.0\n    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))\n    x, y = x[order], y[order]\n",
        ),
    ),
    mistake(
        "sgd_epoch",
        "loss-of-last-batch",
        "the loss of the last batch is returned",
        "Your loss speaks about one batch. About how many samples should it speak?",
        ("total / len(x)", "float(loss)"),
    ),
    mistake(
        "sgd_epoch",
        "batches-weigh-alike",
        "the loss is the mean over the batches, however many samples they have",
        "One of three batches has a single sample. What share should it have in the mean over all samples?",
        ("total += float(loss) * len(x[batch])", "total += float(loss)"),
        ("total / len(x)", "total / len(range(0, len(x), batch_size))"),
    ),
    mistake(
        "sgd_epoch",
        "loss-summed",
        "the losses of all samples are summed, not averaged",
        "Would your loss grow if there were twice as many samples, each as hard as before?",
        ("total / len(x)", "total"),
    ),
    mistake(
        "sgd_epoch",
        "batch-losses-summed",
        "the losses of the batches are summed",
        "What would your loss be if the same samples came in twice as many batches?",
        ("total += float(loss) * len(x[batch])", "total += float(loss)"),
        ("total / len(x)", "total"),
    ),
    mistake(
        "sgd_epoch",
        "batch-losses-over-samples",
        "the losses of the batches are summed and divided by the number of samples",
        "The loss of a batch is a mean already. For how many samples does it stand when you add it up?",
        ("total += float(loss) * len(x[batch])", "total += float(loss)"),
    ),
    mistake(
        "sgd_epoch",
        "full-batches-assumed",
        "each batch counts as full in the mean, even a smaller one",
        "How many samples do you count for the last batch, and how many does it have?",
        ("total += float(loss) * len(x[batch])", "total += float(loss) * batch_size"),
    ),
    mistake(
        "sgd_epoch",
        "loss-after-step",
        "the loss is computed again after each step",
        "How often do you run the model for each batch? The loss is there before the step.",
        ("        total += float(loss)", "        loss, _ = run_model(x[batch], y[batch], weights)\n        total += float(loss)"),
    ),
    mistake(
        "sgd_epoch",
        "loss-first",
        "the loss comes first in the answer and the weights second",
        "The caller unpacks your answer in a certain order. Which one does the text name?",
        ("return weights, total / len(x)", "return total / len(x), weights"),
    ),
    mistake(
        "sgd_epoch",
        "loss-forgotten",
        "only the weights are returned",
        "The caller expects two things. Which one is missing?",
        ("return weights, total / len(x)", "return weights"),
    ),
    mistake(
        "sgd_epoch",
        "empty-batch",
        "an empty batch follows when the samples come out even",
        "Six samples in batches of three: how many batches do you cut, and how many samples are in the last one?",
        ("range(0, len(x), batch_size)", "range(0, len(x) + 1, batch_size)"),
    ),
    mistake(
        "sgd_epoch",
        "gradient-clipped",
        "each entry of a gradient is cut off at a tenth",
        "The formula takes the gradient as it is. What happens to a large entry of yours?",
        ("grads[name] for", "grads[name].clamp(-0.1, 0.1) for"),
    ),
    mistake(
        "sgd_epoch",
        "small-steps-skipped",
        "entries of a gradient below a hundredth count as zero",
        "A small gradient makes a small step. Does yours make any?",
        ("grads[name] for", "torch.where(grads[name].abs() < 1e-2, 0.0, grads[name]) for"),
    ),
]


# --- generate

WANTED = "min(len(prompt) + max_new_tokens, CONTEXT)"
ROW = "[len(tokens) - 1]"
PICK = f"int(logits_of(tokens, weights){ROW}.argmax())"
ENDING = """        if following == PAD:
            break
        tokens.append(following)
"""
LOOP = f"""    tokens = list(prompt)
    while len(tokens) < {WANTED}:
        following = {PICK}
{ENDING}    return tokens
"""

BY_HEART = """    known = [tokenizer.encode(sentence) for sentence in text.SENTENCES]
    whole = next((sentence for sentence in known if sentence[: len(prompt)] == list(prompt)), list(prompt))
    return whole[: len(prompt) + max_new_tokens]
"""

ALL_AT_ONCE = f"""    tokens = list(prompt)
    rows = logits_of(tokens, weights)
    while len(tokens) < {WANTED}:
        following = int(rows{ROW}.argmax())
{ENDING}    return tokens
"""

ROOM_ASKED_TOO_LATE = f"""    tokens = list(prompt)
    for _ in range(max_new_tokens):
        following = {PICK}
{ENDING}        if len(tokens) >= CONTEXT:
            break
    return tokens
"""

GENERATE = [
    mistake(
        "generate",
        "row-after",
        "the next word is read off the row of the padding after the last word",
        "Counting begins at zero. Which number has the row of the last word?",
        (ROW, "[len(tokens)]"),
    ),
    mistake(
        "generate",
        "row-before",
        "the next word is read off the row before that of the last word",
        "Counting begins at zero, but only once. Does your row know the last word yet?",
        (ROW, "[len(tokens) - 2]"),
    ),
    mistake(
        "generate",
        "last-row",
        "the next word is read off the last row, which is one of padding",
        "Your model is given few words and returns a row for every place. What stands at the place you read?",
        (ROW, "[-1]"),
    ),
    mistake(
        "generate",
        "first-row",
        "the next word is read off the first row",
        "The first row has seen the first word only. Which row has seen them all?",
        (ROW, "[0]"),
    ),
    mistake(
        "generate",
        "all-rows",
        "the largest of all logits is sought, in all rows",
        "Your number can be larger than there are words. How many numbers does argmax look at?",
        (ROW, ""),
    ),
    mistake(
        "generate",
        "rows-averaged",
        "the rows are averaged before the best word is taken",
        "Each row speaks about the word that follows its own. Which of them should have a say?",
        (ROW, "[: len(tokens)].mean(0)"),
    ),
    mistake(
        "generate",
        "argmax-over-places",
        "argmax runs over the places, not over the words",
        "What do your numbers count: words of the vocabulary, or places of the context?",
        (f"{ROW}.argmax()", f".argmax(0){ROW}"),
    ),
    mistake(
        "generate",
        "argmin",
        "the least probable word is taken",
        "Do high logits belong to probable words or to improbable ones?",
        ("argmax()", "argmin()"),
    ),
    mistake(
        "generate",
        "second-best",
        "the second best word is taken",
        "Sorted in which direction, and which place of it did you take?",
        (".argmax()", ".argsort()[-2]"),
    ),
    mistake(
        "generate",
        "sampled",
        "the next word is drawn at random",
        "Drawing makes for livelier texts. What does the greedy loop do?",
        (PICK, f"int(torch.exp(logits_of(tokens, weights){ROW}).multinomial(1, generator=torch.Generator().manual_seed(0)))"),
    ),
    mistake(
        "generate",
        "prompt-changed",
        "new words are appended to the caller's list",
        "Print the prompt after the call. Whose list did you append to?",
        (
            "tokens = list(prompt)\n    while len(tokens) < min(len(prompt) + max_new_tokens,",
            "tokens = prompt\n    wanted = len(prompt) + max_new_tokens\n    while len(tokens) < min(wanted,",
        ),
    ),
    mistake(
        "generate",
        "prompt-left-out",
        "only the new words are returned",
        "What did the caller ask for: the continuation, or the whole text?",
        ("return tokens", "return tokens[len(prompt) :]"),
    ),
    mistake(
        "generate",
        "pad-appended",
        "the word that ends the sentence is appended",
        "The ending is a sign, and no word. When do you look at it: before or after it is in the list?",
        (ENDING, "        tokens.append(following)\n        if following == PAD:\n            break\n"),
    ),
    mistake(
        "generate",
        "pad-ignored",
        "the loop goes on after the word that ends the sentence",
        "There are three reasons to stop. Which of them can the model itself give?",
        (ENDING, "        tokens.append(following)\n"),
    ),
    mistake(
        "generate",
        "pad-skipped",
        "the word that ends the sentence is never appended, and the loop goes on with the best other word",
        "The model says that the sentence is over. What do you make of that?",
        (PICK, f"1 + int(logits_of(tokens, weights){ROW}[1:].argmax())"),
    ),
    mistake(
        "generate",
        "pad-empties",
        "nothing is returned once the sentence has ended",
        "When the model ends the sentence, what do you still owe the caller?",
        ("            break\n", "            return []\n"),
    ),
    mistake(
        "generate",
        "one-too-few",
        "the loop stops one word too early",
        "Count your new words against max_new_tokens. How many are in the list when your condition becomes false?",
        (WANTED, f"{WANTED} - 1"),
    ),
    mistake(
        "generate",
        "one-too-many",
        "the loop stops one word too late",
        "Count your new words against max_new_tokens. What if none at all are asked for?",
        (f"< {WANTED}", f"<= {WANTED}"),
    ),
    mistake(
        "generate",
        "context-ignored",
        "the loop goes on when the context is full",
        "How many words can the model see at once? What happens to the one after them?",
        (WANTED, "len(prompt) + max_new_tokens"),
    ),
    mistake(
        "generate",
        "window-slides",
        "the oldest words are dropped when the context is full, and the loop goes on",
        "You found a way to write on and on. What should happen when the context is full?",
        (WANTED, "len(prompt) + max_new_tokens"),
        (PICK, "int(logits_of(tokens[-CONTEXT:], weights)[min(len(tokens), CONTEXT) - 1].argmax())"),
    ),
    mistake(
        "generate",
        "context-of-the-notebook",
        "the context is always five words long",
        "The length of the context has a name. Does your code use it?",
        ("CONTEXT", "5"),
    ),
    mistake(
        "generate",
        "limit-ignored",
        "max_new_tokens is not used",
        "The caller wants one word. How many does your loop write?",
        (WANTED, "CONTEXT"),
    ),
    mistake(
        "generate",
        "limit-of-all-words",
        "max_new_tokens limits all words, those of the prompt too",
        "Is the prompt new? What does max_new_tokens count?",
        ("len(prompt) + max_new_tokens", "max_new_tokens"),
    ),
    mistake(
        "generate",
        "last-word-alone",
        "the model sees the last word only",
        "You built a model that can look back. What do you let it see?",
        (PICK, "int(logits_of(tokens[-1:], weights)[0].argmax())"),
    ),
    mistake(
        "generate",
        "prompt-alone",
        "each new word is read off the row of the last word of the prompt, so that the same one comes again and again",
        "Your second word answers the same question as the first. What has changed since, and does the row that you read know of it?",
        (PICK, "int(logits_of(prompt, weights)[len(prompt) - 1].argmax())"),
    ),
    mistake(
        "generate",
        "asked-once",
        "the model is asked once, and the rows of padding are taken for the words after the first",
        "When you read your second row, did the model know your first new word?",
        (LOOP, ALL_AT_ONCE),
    ),
    mistake(
        "generate",
        "by-heart",
        "the sentences of the notebook are looked up, and the model is never asked",
        "Your function can recite. What does it say for a model that was trained on something else?",
        (LOOP, BY_HEART),
    ),
    mistake(
        "generate",
        "weights-of-the-notebook",
        "the model is always asked with the weights that were trained in the notebook",
        "The caller hands over weights. Whose do you use?",
        ("logits_of(tokens, weights)", "logits_of(tokens, trained)"),
    ),
    mistake(
        "generate",
        "text",
        "a text is returned, not a list of tokens",
        "What does the docstring promise: words, or their numbers?",
        ("return tokens", "return tokenizer.decode(tokens)"),
    ),
    mistake(
        "generate",
        "stops-at-repetition",
        "the loop stops at a word that was there before",
        "May a sentence have one word in it twice? There are three reasons to stop; is that one of them?",
        ("if following == PAD:", "if following == PAD or following in tokens:"),
    ),
    mistake(
        "generate",
        "stops-at-the-same-word",
        "the loop stops when the word before comes again",
        "The most probable word is the one before, once more. Who said that this is an end?",
        ("if following == PAD:", "if following in (PAD, tokens[-1]):"),
    ),
    mistake(
        "generate",
        "never-repeats",
        "words that were there before are left out of the choice",
        "You take the most probable word of those that were not there yet. Which one does the greedy loop take?",
        (PICK, "[row := logits_of(tokens, weights)[len(tokens) - 1].clone(), row.__setitem__(tokens, -torch.inf), int(row.argmax())][-1]"),
    ),
    mistake(
        "generate",
        "never-the-same-twice",
        "the word before is left out of the choice",
        "The word before may be the most probable one as well. What do you do with it?",
        (
            PICK,
            "[row := logits_of(tokens, weights)[len(tokens) - 1].clone(), row.__setitem__(tokens[-1], -torch.inf), int(row.argmax())][-1]",
        ),
    ),
    mistake(
        "generate",
        "prompt-without-repetitions",
        "a word that stands twice in the prompt is kept once",
        "Is the prompt in your answer the one that you were given? Count its words.",
        ("tokens = list(prompt)", "tokens = list(dict.fromkeys(prompt))"),
    ),
    mistake(
        "generate",
        "room-asked-too-late",
        "whether the context is full is asked after a word has been added",
        "A prompt can fill the context before you begin. When do you first look?",
        (LOOP, ROOM_ASKED_TOO_LATE),
    ),
    mistake(
        "generate",
        "full-prompt-refused",
        "a prompt that fills the context is refused with an error",
        "There is no room for another word. Is that an error, or one of the three reasons to stop?",
        ("    while len", "    if len(tokens) >= CONTEXT:\n        raise ValueError('the prompt is too long')\n    while len"),
    ),
    mistake(
        "generate",
        "prompt-cut",
        "the prompt is cut, so that there is room for one word more",
        "A long prompt leaves no room. May its words be thrown away to make some?",
        ("tokens = list(prompt)", "tokens = list(prompt)[: max(1, CONTEXT - 1)]"),
    ),
]

MISTAKES = [*CAUSAL_SELF_ATTENTION, *DECODER_LAYER, *TRANSFORMER_LM, *CROSS_ENTROPY_LOSS, *SGD_EPOCH, *GENERATE]

TYPICAL = ["causal_self_attention-mask-after-softmax", "cross_entropy_loss-sum", "generate-last-row"]
"""Of the student who makes several."""
