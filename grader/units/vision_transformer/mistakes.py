"""Mistakes of unit 4."""

from __future__ import annotations

from autodiff_lib.units.vision_transformer.unit import UNIT

from .. import mistakes_of

mistake = mistakes_of(UNIT.name)

# --- linear

AFFINE = "return X @ W + b"

LINEAR = [
    mistake(
        "linear",
        "bias-forgotten",
        "the bias is not used",
        "One of your three arguments stands nowhere in your code. What should a row of zeros become?",
        (AFFINE, "return X @ W"),
    ),
    mistake(
        "linear",
        "bias-subtracted",
        "the bias is subtracted",
        "Give your layer zeros for X: does b come out, or its opposite?",
        (AFFINE, "return X @ W - b"),
    ),
    mistake(
        "linear",
        "bias-twice",
        "the bias is added twice",
        "Give your layer zeros for X: how often does b come out?",
        (AFFINE, "return X @ W + b + b"),
    ),
    mistake(
        "linear",
        "bias-first",
        "the bias is added to X, before the product",
        "How many numbers has b, and how many has a row of X? To which side of the matrix does b belong?",
        (AFFINE, "return (X + b) @ W"),
    ),
    mistake(
        "linear",
        "bias-for-images-alone",
        "the bias is stretched over two axes, however many X has",
        "Your layer works for a batch of images. What does it do with a single row for each of them?",
        (AFFINE, "product = X @ W\n    return product + ad.expand_as(b, product, dim=(0, 1))"),
    ),
    mistake(
        "linear",
        "matrix-on-its-side",
        "the matrix is transposed",
        "Write the shapes of X and W side by side: which axis of W is as long as a row of X?",
        (AFFINE, "return X @ ad.transpose(W, 0, 1) + b"),
    ),
    mistake(
        "linear",
        "relu-inside",
        "negative numbers are cut off at the end",
        "Can your layer ever say a negative number? The bend comes later, in another exercise.",
        (AFFINE, "return ad.relu(X @ W + b)"),
    ),
    mistake(
        "linear",
        "product-scaled",
        "the product is divided by the root of two",
        "What does your layer make of X where W is the identity and b is zero?",
        (AFFINE, "return X @ W / math.sqrt(2) + b"),
    ),
]


# --- self_attention

PROJECTIONS = "Q, K, V = X @ W_Q, X @ W_K, X @ W_V"
PRODUCT = "Q @ ad.transpose(K, -2, -1)"
SCALE = " / math.sqrt(model_dim)"
SHARES = "ad.softmax(scores, dim=-1)"
MIXED = f"return {SHARES} @ V"

SELF_ATTENTION = [
    mistake(
        "self_attention",
        "no-attention",
        "the values are returned as they are, and no row looks at another",
        "Change one row of an image: which rows of your result notice it?",
        (MIXED, "return V"),
    ),
    mistake(
        "self_attention",
        "uniform",
        "every row gets the same share of every other one",
        "What do your shares depend on? Which of your matrices have nothing to do?",
        (SHARES, "ad.softmax(0 * scores, dim=-1)"),
    ),
    mistake(
        "self_attention",
        "scale-forgotten",
        "the scores are not divided by the square root of model_dim",
        "A score is a sum with a term for each dimension. What keeps it small when there are many of them?",
        (SCALE, ""),
    ),
    mistake(
        "self_attention",
        "scale-multiplied",
        "the scores are multiplied by the square root of model_dim",
        "Do your scores shrink or grow? Which of the two keeps the softmax soft?",
        (SCALE, " * math.sqrt(model_dim)"),
    ),
    mistake(
        "self_attention",
        "scale-without-root",
        "the scores are divided by model_dim, not by its square root",
        "A sum of n terms with a variance of one has the variance n: by what does one divide to get back to a variance of one?",
        ("math.sqrt(model_dim)", "model_dim"),
    ),
    mistake(
        "self_attention",
        "scale-of-the-notebook",
        "the scores are divided by the square root of a fixed number, 32",
        "Another model has another size. From where does your function know it?",
        ("math.sqrt(model_dim)", "math.sqrt(32)"),
    ),
    mistake(
        "self_attention",
        "scale-after-softmax",
        "the shares are divided by the square root of model_dim, and the scores are not",
        "What do the shares of a row add up to in your version?",
        (SCALE, ""),
        (MIXED, f"return {SHARES}{SCALE} @ V"),
    ),
    mistake(
        "self_attention",
        "softmax-forgotten",
        "the scores are used as shares, without a softmax",
        "Can one of your shares be negative, and what do they add up to?",
        (SHARES, "scores"),
    ),
    mistake(
        "self_attention",
        "softmax-over-queries",
        "the softmax runs over the rows that ask, not over those that are asked",
        "What adds up to one in your version: all that one row takes, or all that is taken from one row?",
        ("dim=-1)", "dim=-2)"),
    ),
    mistake(
        "self_attention",
        "softmax-over-batch",
        "the softmax runs over the images of a batch",
        "Does the answer for one image change when there are others in the batch?",
        ("dim=-1)", "dim=0)"),
    ),
    mistake(
        "self_attention",
        "relu-for-softmax",
        "relu stands in the place of the softmax",
        "Your shares are not negative. But what do they add up to?",
        (SHARES, "ad.relu(scores)"),
    ),
    mistake(
        "self_attention",
        "queries-with-queries",
        "queries are compared with queries, and the keys are not used",
        "Which of the three projections stands nowhere in your scores?",
        (PRODUCT, "Q @ ad.transpose(Q, -2, -1)"),
    ),
    mistake(
        "self_attention",
        "keys-with-keys",
        "keys are compared with keys, and the queries are not used",
        "Who asks in your version? One of the projections stands nowhere in your scores.",
        (PRODUCT, "K @ ad.transpose(K, -2, -1)"),
    ),
    mistake(
        "self_attention",
        "keys-ask",
        "keys stand where queries belong, and the other way round",
        "Row t of the scores belongs to the row that asks. Which of your two factors does it come from?",
        (PRODUCT, "K @ ad.transpose(Q, -2, -1)"),
    ),
    mistake(
        "self_attention",
        "values-forgotten",
        "the rows themselves are mixed, not their values",
        "Which of your matrices has nothing to do? What does a row say when it is asked?",
        (MIXED, f"return {SHARES} @ X"),
    ),
    mistake(
        "self_attention",
        "values-are-keys",
        "W_K makes the values as well",
        "Change W_V: what changes in your result?",
        ("X @ W_K, X @ W_V", "X @ W_K, X @ W_K"),
    ),
    mistake(
        "self_attention",
        "shares-on-their-side",
        "the shares are transposed before they mix the values",
        "Which axis of your shares adds up to one, and along which one is the sum of values taken?",
        (MIXED, f"return ad.transpose({SHARES}, -2, -1) @ V"),
    ),
    mistake(
        "self_attention",
        "row-added",
        "the rows are added to what they have heard",
        "That is a residual connection: useful, and not in this formula. What should come out where all values are zero?",
        (MIXED, f"return {SHARES} @ V + X"),
    ),
]


# --- encoder_layer

CALL = "self_attention(X, W_Q, W_K, W_V, model_dim)"
HIDDEN = "ad.relu(linear(attended, W_1, b_1))"
LAST = "return linear(hidden, W_2, b_2)"

ENCODER_LAYER = [
    mistake(
        "encoder_layer",
        "attention-forgotten",
        "the network gets X itself, and the attention is left out",
        "Change the first row: do the others notice it in your layer?",
        ("linear(attended, W_1", "linear(X, W_1"),
    ),
    mistake(
        "encoder_layer",
        "residual-around-attention",
        "X is added to what the attention says",
        "Here nothing leads around the attention. What reaches your network where all values are zero?",
        ("linear(attended, W_1", "linear(X + attended, W_1"),
    ),
    mistake(
        "encoder_layer",
        "input-added-at-the-end",
        "X is added to the result",
        "Let all weights be zero: what comes out of your layer?",
        (LAST, "return X + linear(hidden, W_2, b_2)"),
    ),
    mistake(
        "encoder_layer",
        "residual-around-network",
        "what the attention says is added to what the network makes of it",
        "Does something lead around the network in the formula? What comes out of yours where the second matrix is zero?",
        (LAST, "return attended + linear(hidden, W_2, b_2)"),
    ),
    mistake(
        "encoder_layer",
        "relu-forgotten",
        "there is no relu between the two linear layers",
        "Two linear layers in a row are worth a single one. What should stand between them?",
        (HIDDEN, "linear(attended, W_1, b_1)"),
    ),
    mistake(
        "encoder_layer",
        "relu-last",
        "relu is applied after the second layer, not between the two",
        "Can a number in your result be negative? Look where the bend stands in the formula.",
        (HIDDEN, "linear(attended, W_1, b_1)"),
        (LAST, "return ad.relu(linear(hidden, W_2, b_2))"),
    ),
    mistake(
        "encoder_layer",
        "relu-again",
        "relu is applied once more, after the second layer",
        "How many bends has the formula, and how many has your code?",
        (LAST, "return ad.relu(linear(hidden, W_2, b_2))"),
    ),
    mistake(
        "encoder_layer",
        "relu-first",
        "relu is applied to what the attention says, not to the hidden numbers",
        "Which two matrices have a bend between them in your network?",
        (HIDDEN, "linear(ad.relu(attended), W_1, b_1)"),
    ),
    mistake(
        "encoder_layer",
        "softmax-for-relu",
        "a softmax stands in the place of relu",
        "Do the hidden numbers of a row have to add up to one?",
        (HIDDEN, "ad.softmax(linear(attended, W_1, b_1), dim=-1)"),
    ),
    mistake(
        "encoder_layer",
        "first-bias-forgotten",
        "the first layer has no bias",
        "Your second layer has a bias. Has your first one?",
        (HIDDEN, "ad.relu(attended @ W_1)"),
    ),
    mistake(
        "encoder_layer",
        "second-bias-forgotten",
        "the second layer has no bias",
        "Your first layer has a bias. Has your second one?",
        (LAST, "return hidden @ W_2"),
    ),
    mistake(
        "encoder_layer",
        "first-bias-after-relu",
        "the first bias is added after relu",
        "Does the bias decide where the bend is in your version?",
        (HIDDEN, "ad.relu(attended @ W_1) + b_1"),
    ),
    mistake(
        "encoder_layer",
        "queries-and-keys-exchanged",
        "the attention gets W_K where W_Q belongs, and the other way round",
        "Compare the call of your attention with its definition, one argument after the other.",
        (CALL, "self_attention(X, W_K, W_Q, W_V, model_dim)"),
    ),
    mistake(
        "encoder_layer",
        "root-passed",
        "the attention gets the root of model_dim and takes the root again",
        "Who takes the root: the encoder, the attention, or both?",
        (CALL, "self_attention(X, W_Q, W_K, W_V, math.sqrt(model_dim))"),
    ),
]


# --- vision_transformer

UNPACKED = "W_embed, b_embed, positions, *layer, W_head, b_head = weights.values()"
ROWS = "linear(X, W_embed, b_embed) + positions"
ENCODED = "encoder_layer(rows, *layer, model_dim)"
POOLED = f"ad.mean({ENCODED}, dim=1)"
HEAD = "return linear(image, W_head, b_head)"

VISION_TRANSFORMER = [
    mistake(
        "vision_transformer",
        "positions-forgotten",
        "the positions are not used",
        "Turn an image upside down: does your model notice? One of its weights stands nowhere.",
        (ROWS, "linear(X, W_embed, b_embed)"),
    ),
    mistake(
        "vision_transformer",
        "positions-averaged",
        "every row gets the mean of all positions",
        "What do two rows of your image get that is different? Which place is which?",
        (ROWS, "linear(X, W_embed, b_embed) + ad.mean(positions, dim=0)"),
    ),
    mistake(
        "vision_transformer",
        "positions-after-encoder",
        "the positions are added after the encoder",
        "Who has to know where a row stands: the head, or those who look at each other?",
        (ROWS, "linear(X, W_embed, b_embed)"),
        (ENCODED, f"{ENCODED} + positions"),
    ),
    mistake(
        "vision_transformer",
        "positions-subtracted",
        "the positions are subtracted",
        "A model could learn with this as well. But which sign have the positions in the formula?",
        (ROWS, "linear(X, W_embed, b_embed) - positions"),
    ),
    mistake(
        "vision_transformer",
        "positions-multiplied",
        "the embedded rows are multiplied by the positions",
        "What becomes of a row whose place has zeros? Does the formula multiply?",
        (ROWS, "linear(X, W_embed, b_embed) * positions"),
    ),
    mistake(
        "vision_transformer",
        "positions-twice",
        "the positions are added twice",
        "How often do the positions stand in the formula?",
        (ROWS, "linear(X, W_embed, b_embed) + positions + positions"),
    ),
    mistake(
        "vision_transformer",
        "embedding-without-bias",
        "the rows are embedded without a bias",
        "Which of the twelve weights does your model not use?",
        (ROWS, "X @ W_embed + positions"),
    ),
    mistake(
        "vision_transformer",
        "rows-averaged-first",
        "the mean over the rows is taken before the encoder",
        "How many rows are there to look at each other, when your encoder begins?",
        (ROWS, "ad.mean(linear(X, W_embed, b_embed) + positions, dim=1, keepdim=True)"),
    ),
    mistake(
        "vision_transformer",
        "sum-for-mean",
        "the rows are summed after the encoder, and not divided by their number",
        "Give each row twice: does a mean change? Does yours?",
        (POOLED, f"ad.sum_op({ENCODED}, dim=1)"),
    ),
    mistake(
        "vision_transformer",
        "rows-of-the-notebook",
        "the rows are summed and divided by 8, the number of rows in the notebook",
        "An image of MNIST has 28 rows. By what does your code divide?",
        (POOLED, f"ad.sum_op({ENCODED}, dim=1) / 8"),
    ),
    mistake(
        "vision_transformer",
        "divided-by-model-dim",
        "the rows are summed and divided by model_dim",
        "Over how many things does the sum go? Is that what you divide by?",
        (POOLED, f"ad.sum_op({ENCODED}, dim=1) / model_dim"),
    ),
    mistake(
        "vision_transformer",
        "mean-over-images",
        "the mean goes over the images of the batch, not over the rows",
        "How many rows has your result, and how many images are there?",
        ("dim=1)", "dim=0)"),
    ),
    mistake(
        "vision_transformer",
        "not-averaged",
        "there is no mean: each row of an image gets logits of its own",
        "How many answers does your model give for one image?",
        (POOLED, ENCODED),
    ),
    mistake(
        "vision_transformer",
        "weighted-rows",
        "the rows are weighted by a softmax over them, instead of the mean",
        "Do all rows count alike in your version, whatever is in them?",
        (POOLED, f"ad.sum_op(ad.softmax({ENCODED}, dim=1) * {ENCODED}, dim=1)"),
    ),
    mistake(
        "vision_transformer",
        "head-without-bias",
        "the head has no bias",
        "Set the last weight of the dictionary to something else: what changes?",
        (HEAD, "return image @ W_head"),
    ),
    mistake(
        "vision_transformer",
        "softmax-at-the-end",
        "the logits go through a softmax",
        "Do the scores of an image add up to one? The loss makes probabilities of them, later.",
        (HEAD, "return ad.softmax(linear(image, W_head, b_head), dim=-1)"),
    ),
    mistake(
        "vision_transformer",
        "relu-at-the-end",
        "negative logits are cut off",
        "A score below zero says that a class is unlikely. Can your model say so?",
        (HEAD, "return ad.relu(linear(image, W_head, b_head))"),
    ),
    mistake(
        "vision_transformer",
        "residual-around-encoder",
        "the embedded rows are added to what the encoder makes of them",
        "Here nothing leads around the encoder. What reaches the head where its weights are zero?",
        (ENCODED, f"rows + {ENCODED}"),
    ),
    mistake(
        "vision_transformer",
        "encoder-twice",
        "the encoder is applied twice, with the same weights",
        "How many layers does the formula have?",
        (ENCODED, "encoder_layer(encoder_layer(rows, *layer, model_dim), *layer, model_dim)"),
    ),
    mistake(
        "vision_transformer",
        "root-passed-on",
        "the encoder gets the root of model_dim",
        "What is handed on to the attention, and who takes the root of it?",
        (ENCODED, "encoder_layer(rows, *layer, math.sqrt(model_dim))"),
    ),
    mistake(
        "vision_transformer",
        "keys-before-queries",
        "the encoder gets W_K where W_Q belongs, and the other way round",
        "Compare the order of the weights in the dictionary with the arguments of your encoder.",
        (ENCODED, "encoder_layer(rows, weights['W_K'], weights['W_Q'], *layer[2:], model_dim)"),
    ),
]


# --- softmax_loss

NEAR = "near_largest = ad.sum_op(ad.softmax(Z, dim=-1) * Z, dim=-1, keepdim=True)"
SHIFTED = "shifted = Z - near_largest"
LOG_SUM = "log_sum = ad.log(ad.sum_op(ad.exp(shifted), dim=-1, keepdim=True))"
EACH = "y_one_hot * (log_sum - shifted)"
MEAN = f"return ad.sum_op({EACH}, dim=(0, 1)) / batch_size"

SOFTMAX_LOSS = [
    mistake(
        "softmax_loss",
        "two-steps",
        "the logarithm is taken of a softmax, which is zero where a class is very unlikely",
        "What is log(0)? At logits a thousand apart, one of your probabilities is exactly that.",
        (MEAN, "return ad.sum_op(y_one_hot * ad.log(ad.softmax(Z, dim=-1)), dim=(0, 1)) / -batch_size"),
    ),
    mistake(
        "softmax_loss",
        "guarded",
        "a small number is added to the probabilities before the logarithm",
        "No loss of yours is larger than about 28. How large must it be for logits a thousand apart?",
        (MEAN, "return ad.sum_op(y_one_hot * ad.log(ad.softmax(Z, dim=-1) + 1e-12), dim=(0, 1)) / -batch_size"),
    ),
    mistake(
        "softmax_loss",
        "unshifted",
        "nothing is taken from the logits before exp",
        "What is exp(1000)? And what may be taken from all logits of an image without changing the loss?",
        (SHIFTED, "shifted = Z"),
    ),
    mistake(
        "softmax_loss",
        "shifted-by-the-mean",
        "the mean of the logits is taken from them before exp, and not something near the largest",
        "One logit is 1000 and the others are -1000: how far above their mean is the largest?",
        (NEAR, "near_largest = ad.mean(Z, dim=-1, keepdim=True)"),
    ),
    mistake(
        "softmax_loss",
        "shift-not-given-back",
        "what is taken from the logits inside the logarithm is not given back outside",
        "The rule has an m in two places. Where is the second one in your code?",
        (EACH, "y_one_hot * (log_sum - Z)"),
    ),
    mistake(
        "softmax_loss",
        "logits-alone",
        "the sum of exponentials is left out: only the logits of the right classes count",
        "Add 5 to all logits: no class has become more probable. Does your loss know that?",
        (EACH, "y_one_hot * -Z"),
    ),
    mistake(
        "softmax_loss",
        "over-the-batch",
        "the sum of exponentials runs over the images, not over the classes",
        "Among which numbers does one image choose? Along which axis are they?",
        (NEAR, "near_largest = ad.sum_op(ad.softmax(Z, dim=0) * Z, dim=0, keepdim=True)"),
        (LOG_SUM, "log_sum = ad.log(ad.sum_op(ad.exp(shifted), dim=0, keepdim=True))"),
    ),
    mistake(
        "softmax_loss",
        "sign",
        "the sign is the wrong one",
        "Make the right class more probable: does your loss fall?",
        ("(log_sum - shifted)", "(shifted - log_sum)"),
    ),
    mistake(
        "softmax_loss",
        "sum-for-mean",
        "the losses of all images are summed, not averaged",
        "Twice as many images, each as hard as before: does your loss grow?",
        (" / batch_size", ""),
    ),
    mistake(
        "softmax_loss",
        "divided-twice",
        "the mean is divided by the number of images once more",
        "How often do you divide by the number of images? Is there a mean in your code already?",
        (MEAN, f"return ad.mean(ad.sum_op({EACH}, dim=1), dim=0) / batch_size"),
    ),
    mistake(
        "softmax_loss",
        "mean-over-classes",
        "the mean goes over images and classes",
        "Your mean has a term for each class, and all but one of them are zero. By how many do you divide?",
        (MEAN, f"return ad.mean({EACH}, dim=(0, 1))"),
    ),
    mistake(
        "softmax_loss",
        "in-bits",
        "the loss is in bits: the logarithm is the one to the base 2",
        "What is the loss of a model that finds all classes equally likely? Which logarithm is that?",
        (MEAN, f"{MEAN} / math.log(2)"),
    ),
    mistake(
        "softmax_loss",
        "all-classes",
        "the loss of all classes is summed, not only that of the right one",
        "Which of the probabilities of an image should the loss look at?",
        (EACH, "(log_sum - shifted) + 0 * y_one_hot"),
    ),
    mistake(
        "softmax_loss",
        "one-for-each-image",
        "the losses of the images are returned one by one",
        "What shape has your result, and what shape has a single number?",
        (MEAN, f"return ad.sum_op({EACH}, dim=1) / batch_size"),
    ),
    mistake(
        "softmax_loss",
        "squared-error",
        "the squared difference of probabilities and labels is averaged",
        "That is a loss, too, but another one. Where is the logarithm?",
        (MEAN, "return ad.sum_op((ad.softmax(Z, dim=-1) - y_one_hot) ** 2, dim=(0, 1)) / batch_size"),
    ),
    mistake(
        "softmax_loss",
        "softmax-twice",
        "the logits go through a softmax before the loss takes one of them",
        "However sure your model is, its loss does not come near zero. How many softmaxes are there?",
        (NEAR, f"Z = ad.softmax(Z, dim=-1)\n    {NEAR}"),
    ),
    mistake(
        "softmax_loss",
        "smoothed",
        "a tenth of each label is given to the other classes",
        "Smoothed labels have their uses. Does the formula smooth them?",
        (
            EACH,
            "(0.9 * y_one_hot + 0.1 * ad.mean(ad.ones_like(Z), dim=-1, keepdim=True) / ad.sum_op(ad.ones_like(Z), dim=-1, keepdim=True)) * (log_sum - shifted)",
        ),
    ),
    mistake(
        "softmax_loss",
        "log-of-the-mean",
        "the logarithm is taken of the mean probability, not the mean of the logarithms",
        "Which comes first in the formula, the logarithm or the mean?",
        (
            MEAN,
            "return -ad.log(ad.sum_op(y_one_hot * ad.exp(shifted - log_sum), dim=(0, 1)) / batch_size)",
        ),
    ),
]


# --- sgd_epoch

STEP = """weights = {
            name: value - learning_rate * grads[name] for name, value in weights.items()
        }"""

SGD_EPOCH = [
    mistake(
        "sgd_epoch",
        "uphill",
        "the gradients are added",
        "A gradient points to where the loss grows. Which way do you go?",
        ("value - learning_rate", "value + learning_rate"),
    ),
    mistake(
        "sgd_epoch",
        "rate-forgotten",
        "the learning rate is not used",
        "Who decides how long a step is, and where do you ask?",
        ("learning_rate * grads", "grads"),
    ),
    mistake(
        "sgd_epoch",
        "rate-divided-by-batch",
        "the step is divided by the number of images in the batch",
        "Your loss is a mean over the batch already. Is its gradient divided once more in the formula?",
        ("learning_rate * grads[name]", "learning_rate / len(X[batch]) * grads[name]"),
    ),
    mistake(
        "sgd_epoch",
        "last-step-alone",
        "the new weights are the old ones with the step of the last batch alone",
        "How many steps are left in your new weights, after many batches?",
        ("        weights = {\n", "        new = {\n"),
        ("return weights,", "return new,"),
    ),
    mistake(
        "sgd_epoch",
        "positions-not-learned",
        "only weights whose names begin with W are updated",
        "Biases and positions are weights as well. Which names do you look for?",
        (
            STEP,
            "weights = {name: value - learning_rate * grads[name] if name.startswith('W') else value for name, value in weights.items()}",
        ),
    ),
    mistake(
        "sgd_epoch",
        "in-place",
        "the caller's weights are changed in place",
        "Print the weights that you were given, before the call and after it: who has changed them?",
        ("value - learning_rate * grads[name] for", "value.sub_(learning_rate * grads[name]) for"),
    ),
    mistake(
        "sgd_epoch",
        "last-batch-dropped",
        "a last batch that is smaller is left out",
        "Seven images in batches of three: which of them does your model never see?",
        ("range(0, len(X), batch_size)", "range(0, len(X) - batch_size + 1, batch_size)"),
    ),
    mistake(
        "sgd_epoch",
        "one-image-short",
        "each batch lacks its last image",
        "A slice ends before its second number. Count the images in your first batch.",
        ("start + batch_size)", "start + batch_size - 1)"),
    ),
    mistake(
        "sgd_epoch",
        "shuffled",
        "the images are taken in a random order",
        "Mixing them is a good idea, and whoever calls your function has done it already. In which order do you get them?",
        (
            "    total = 0.0\n",
            "    total = 0.0\n    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))\n    X, y = X[order], y[order]\n",
        ),
    ),
    mistake(
        "sgd_epoch",
        "batches-weigh-alike",
        "the loss is the mean over the batches, however many images they have",
        "The last batch has one image and the others have three. How much should it weigh?",
        ("total += float(loss) * len(X[batch])", "total += float(loss)"),
        ("total / len(X)", "total / len(range(0, len(X), batch_size))"),
    ),
    mistake(
        "sgd_epoch",
        "full-batches-assumed",
        "each batch counts as full in the mean, even a smaller one",
        "For how many images does the loss of your last batch stand, and how many has it?",
        ("total += float(loss) * len(X[batch])", "total += float(loss) * batch_size"),
    ),
    mistake(
        "sgd_epoch",
        "loss-of-last-batch",
        "the loss of the last batch is returned",
        "Your loss speaks about one batch. About how many images should it speak?",
        ("total / len(X)", "float(loss)"),
    ),
    mistake(
        "sgd_epoch",
        "loss-summed",
        "the losses of all images are summed, not averaged",
        "With twice as many images, each as hard as before, would your loss be the same?",
        ("total / len(X)", "total"),
    ),
    mistake(
        "sgd_epoch",
        "loss-after-step",
        "the loss is computed again after each step",
        "How often do you run the model for each batch? It has told you the loss already.",
        ("        total += float(loss)", "        loss, _ = run_model(X[batch], y[batch], weights)\n        total += float(loss)"),
    ),
]


# --- accuracy

COUNT = "int((predict(X[batch]).argmax(dim=-1) == labels[batch]).sum())"

ACCURACY = [
    mistake(
        "accuracy",
        "least-likely",
        "the smallest logit is taken for the answer",
        "Is a high score a good sign or a bad one? Which class does your model name?",
        ("argmax", "argmin"),
    ),
    mistake(
        "accuracy",
        "over-the-images",
        "the largest logit is looked for among the images, not among the classes",
        "Each image names one class. Along which axis are the classes?",
        (COUNT, "sum(int(label in predict(X[batch]).argmax(dim=0)) for label in labels[batch])"),
    ),
    mistake(
        "accuracy",
        "mistakes-counted",
        "the images that are wrong are counted",
        "A model that is always right has the accuracy 1. What has it in your version?",
        ("== labels", "!= labels"),
    ),
    mistake(
        "accuracy",
        "in-percent",
        "the share is multiplied by a hundred",
        "What is the largest number that a share can be?",
        ("return right / len(X)", "return 100 * right / len(X)"),
    ),
    mistake(
        "accuracy",
        "counted-not-divided",
        "the number of right answers is returned, not their share",
        "What would you say of ten right answers: is that much or little? By what must it be divided?",
        ("return right / len(X)", "return right"),
    ),
    mistake(
        "accuracy",
        "sure-of-the-label",
        "an image is right where the logit of its label is positive, whatever the others say",
        "May two classes of one image both be right in your version?",
        (COUNT, "int((predict(X[batch])[range(len(labels[batch])), labels[batch]] > 0).sum())"),
    ),
    mistake(
        "accuracy",
        "second-best-too",
        "an image counts as right if its label is among the best two",
        "That is an accuracy, too, but how many guesses has a model for each image?",
        (COUNT, "int((predict(X[batch]).topk(2, dim=-1).indices == labels[batch][:, None]).sum())"),
    ),
    mistake(
        "accuracy",
        "last-batch-dropped",
        "a last batch that is smaller is left out",
        "Eight images in batches of three: about which of them is nobody asked?",
        ("range(0, len(X), batch_size)", "range(0, len(X) - batch_size + 1, batch_size)"),
    ),
    mistake(
        "accuracy",
        "batches-weigh-alike",
        "the mean of the batches' accuracies is taken, however many images they have",
        "The last batch has one image, and it is wrong. How much does that cost in your version?",
        (COUNT, "float((predict(X[batch]).argmax(dim=-1) == labels[batch]).float().mean())"),
        ("right / len(X)", "right / len(range(0, len(X), batch_size))"),
    ),
    mistake(
        "accuracy",
        "all-at-once",
        "all images are asked for at once, whatever the batch size",
        "How many images may be asked for at a time, and how many do you hand over?",
        ("range(0, len(X), batch_size)", "range(0, len(X), len(X))"),
        ("start + batch_size)", "start + len(X))"),
    ),
    mistake(
        "accuracy",
        "last-batch-alone",
        "the accuracy of the last batch is returned",
        "Your answer speaks about one batch. Where are the others?",
        ("right += ", "right = "),
        ("right / len(X)", "right / len(X[batch])"),
    ),
    mistake(
        "accuracy",
        "full-batches-assumed",
        "the number of images is taken for that of the batches times their size",
        "How many images do you count in the last batch, and how many has it?",
        ("right / len(X)", "right / (batch_size * len(range(0, len(X), batch_size)))"),
    ),
]

MISTAKES = [*LINEAR, *SELF_ATTENTION, *ENCODER_LAYER, *VISION_TRANSFORMER, *SOFTMAX_LOSS, *SGD_EPOCH, *ACCURACY]

TYPICAL = [
    f"{UNIT.name}.self_attention-scale-forgotten",
    f"{UNIT.name}.vision_transformer-sum-for-mean",
    f"{UNIT.name}.accuracy-batches-weigh-alike",
]
"""Of the student who makes several."""
