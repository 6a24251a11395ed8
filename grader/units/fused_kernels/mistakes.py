"""Mistakes of unit 5: the operators, the counts, and what is done in blocks."""

from __future__ import annotations

from autodiff_lib.units.fused_kernels.unit import UNIT

from .. import mistakes_of
from .kernel_mistakes import KERNEL_MISTAKES, TYPICAL_KERNELS

mistake = mistakes_of(UNIT.name)

AXES = "dim = tuple(range(-len(node.normalized_shape), 0))"
GRADIENTS = "[ad.unbroadcast(grad_a, a), ad.unbroadcast(grad_b, b)]"

LAYERNORM = [
    mistake(
        "matmul_layernorm",
        "zero-gradients",
        "both gradients are zero",
        "Move one number of a by hand: do the outputs stay as they are? An upstream gradient of ones would never tell you.",
        (GRADIENTS, "[ad.zeros_like(a), ad.zeros_like(b)]"),
    ),
    mistake(
        "matmul_layernorm",
        "eps-outside-the-root",
        "eps is added to the root of the variance",
        "Take a row whose entries are all alike, and eps = 0.5. What do you divide by, and what does the formula divide by?",
        ("torch.sqrt(variance + node.eps)", "(torch.sqrt(variance) + node.eps)"),
    ),
    mistake(
        "matmul_layernorm",
        "unbiased-variance",
        "the variance is divided by one less than the number of entries",
        "Of a row of one entry, what is your variance? By how many numbers does the formula divide?",
        (
            "(centred * centred).mean(dim, keepdim=True)",
            "(centred * centred).sum(dim, keepdim=True) / (math.prod(node.normalized_shape) - 1)",
        ),
    ),
    mistake(
        "matmul_layernorm",
        "last-axis-only",
        "compute normalises over the last axis alone, whatever normalized_shape says",
        "With normalized_shape (2, 4) there is one mean for eight numbers. How many means do you have?",
        (f"a, b = inputs\n        {AXES}", "a, b = inputs\n        dim = (-1,)"),
    ),
    mistake(
        "matmul_layernorm",
        "gradient-last-axis-only",
        "gradient takes its means over the last axis alone",
        "Your value is right for every normalized_shape. Over which axes do the means in the gradient go?",
        (f"a, b = node.inputs\n        {AXES}", "a, b = node.inputs\n        dim = (-1,)"),
    ),
    mistake(
        "matmul_layernorm",
        "mean-taken-for-constant",
        "the gradient forgets that the mean depends on x",
        "Add a constant to a whole row of the product: the output stays. Does your gradient know?",
        ("output_grad - level - node", "output_grad - node"),
    ),
    mistake(
        "matmul_layernorm",
        "variance-taken-for-constant",
        "the gradient forgets that the variance depends on x",
        "Double a whole row of the product: the output stays nearly the same. Which term of the formula says so?",
        ("(output_grad - level - node * along)", "(output_grad - level)"),
    ),
    mistake(
        "matmul_layernorm",
        "product-not-normalised-in-the-gradient",
        "the gradient uses x where the normalised output belongs",
        "There are two matrices that one could call the result: before the norm, and after it. Which one is in the formula?",
        ("output_grad * node, dim", "output_grad * x, dim"),
        ("node * along", "x * along"),
    ),
    mistake(
        "matmul_layernorm",
        "batches-unreduced",
        "the gradients are not summed over broadcast batches",
        "A second operand of rank 2 serves all matrices of the batch. How many contributions does each of its numbers get?",
        (GRADIENTS, "[grad_a, grad_b]"),
    ),
    mistake(
        "matmul_layernorm",
        "eps-forgotten-in-the-gradient",
        "the gradient divides by the deviation without eps",
        "With eps = 0.5 your value is right and your gradient is not. What does each of them divide by?",
        ("keepdim=True) + node.eps)\n        along", "keepdim=True))\n        along"),
    ),
]

SOFTMAX = [
    mistake(
        "matmul_softmax",
        "zero-gradients",
        "both gradients are zero",
        "Zeros pass a test whose upstream gradient is all ones. What changes if you move one number of b?",
        (GRADIENTS, "[ad.zeros_like(a), ad.zeros_like(b)]"),
    ),
    mistake(
        "matmul_softmax",
        "unstable",
        "no maximum is subtracted before exp",
        "What is exp(1000) in your compute? A softmax stays the same if all its inputs are moved by one number: by which?",
        ("torch.exp(x - x.amax(node.dim, keepdim=True))", "torch.exp(x)"),
    ),
    mistake(
        "matmul_softmax",
        "one-maximum-for-all",
        "the maximum of the whole product is subtracted from every row",
        "One row near 1000, another one near -1000: what is left of the second one when the maximum of both is gone from it?",
        ("x.amax(node.dim, keepdim=True)", "x.max()"),
    ),
    mistake(
        "matmul_softmax",
        "last-axis-only",
        "compute ignores dim and works along the last axis",
        "With dim=0 the columns should add up to one. Which axis do you name?",
        ("x.amax(node.dim, keepdim=True)", "x.amax(-1, keepdim=True)"),
        ("powers.sum(node.dim, keepdim=True)", "powers.sum(-1, keepdim=True)"),
    ),
    mistake(
        "matmul_softmax",
        "gradient-last-axis-only",
        "gradient sums along the last axis, whatever dim is",
        "Your value knows dim. Along which axis does the sum in your gradient go?",
        ("ad.sum_op(output_grad * node, node.dim, keepdim=True)", "ad.sum_op(output_grad * node, -1, keepdim=True)"),
    ),
    mistake(
        "matmul_softmax",
        "diagonal-alone",
        "the gradient is that of each entry by itself: the sum is forgotten",
        "If one entry of a softmax grows, what must the others of its row do? Where does your gradient say so?",
        ("node * (output_grad - weighted)", "node * (1 - node) * output_grad"),
    ),
    mistake(
        "matmul_softmax",
        "sum-without-weights",
        "the sum in the gradient goes over output_grad alone",
        "The mean that is subtracted is a weighted one. With which weights?",
        ("ad.sum_op(output_grad * node, node", "ad.sum_op(output_grad, node"),
    ),
    mistake(
        "matmul_softmax",
        "factor-forgotten",
        "the factor in front of the bracket is missing in the gradient",
        "An entry whose weight is nearly zero hardly changes. Which factor makes its gradient small?",
        ("node * (output_grad - weighted)", "output_grad - weighted"),
    ),
    mistake(
        "matmul_softmax",
        "batches-unreduced",
        "the gradients are not summed over broadcast batches",
        "The gradient of b must have b's shape. Who sums up what came from each matrix of the batch?",
        (GRADIENTS, "[grad_a, grad_b]"),
    ),
    mistake(
        "matmul_softmax",
        "swapped",
        "the gradients are returned in the wrong order",
        "Both gradients are good ones. Which operand does node.inputs name first?",
        (GRADIENTS, "[ad.unbroadcast(grad_b, b), ad.unbroadcast(grad_a, a)]"),
    ),
    mistake(
        "matmul_softmax",
        "first-axes-transposed",
        "the first two axes are exchanged where the last two should be",
        "For two matrices it works, for a batch of them it does not. Which axes does a transpose of matrices exchange, counted from the end?",
        ("ad.transpose(b, -2, -1)", "ad.transpose(b, 0, 1)"),
        ("ad.transpose(a, -2, -1)", "ad.transpose(a, 0, 1)"),
    ),
]

COUNTS = [
    mistake(
        "loop_counts",
        "row-read-twice",
        "the unfused order is taken to read the product twice, not three times",
        "How many inner loops over j has the unfused order after the product, and which of them reads nothing?",
        ("0 if fused else 3", "0 if fused else 2"),
    ),
    mistake(
        "loop_counts",
        "one-operand-read",
        "of each term of the product only one load is counted",
        "Look at the innermost line of dot: how many arrays stand on its right side?",
        ("(2 * K + (0 if fused", "(K + (0 if fused"),
    ),
    mistake(
        "loop_counts",
        "rows-kept-are-loaded",
        "the fused order is taken to load the row that it keeps",
        "Is `row` an array that counts, or a list near the processor?",
        ("0 if fused else 3", "3"),
    ),
    mistake(
        "loop_counts",
        "powers-not-stored",
        "the unfused softmax is taken to store each entry of the result once",
        "Run the unfused softmax with one row and one column. Which lines have an array on the left?",
        ("3 if softmax else 2", "2"),
    ),
    mistake(
        "loop_counts",
        "product-stored-in-both",
        "the fused order is taken to store the product",
        "Where does the fused order write the product to, and does that place count?",
        ("1 if fused else 3 if softmax else 2", "2 if fused else 3 if softmax else 2"),
    ),
    mistake(
        "loop_counts",
        "batch-forgotten",
        "one matrix is counted, whatever the batch",
        "For B = 1 you are right. What do the loops do for each matrix of the batch?",
        ("entries, rows = B * M * N, B * M", "entries, rows = M * N, M"),
    ),
    mistake(
        "loop_counts",
        "once-a-row-forgotten",
        "what is computed once for a row is not counted",
        "Between the two loops over j there are lines with / and sqrt. How often are they met?",
        (" + rows * once", ""),
    ),
    mistake(
        "loop_counts",
        "product-without-sum",
        "of each term of the product only the multiplication is counted",
        "How many symbols of arithmetic are in the innermost line of dot?",
        ("return loads, stores, entries * (2 * K + 5)", "return loads, stores, entries * (K + 5)"),
        ("return loads, stores, entries * (2 * K + each)", "return loads, stores, entries * (K + each)"),
    ),
    mistake(
        "loop_counts",
        "maximum-costs-nothing",
        "the comparison for the maximum is not counted as a flop",
        "The text above the loops lists what is a flop. Is `larger` one?",
        ("2 * K + 5", "2 * K + 4"),
    ),
    mistake(
        "loop_counts",
        "layernorm-order-mixed",
        "for the layer norm, the flops of the two orders are exchanged",
        "In one order the mean is known before the squares are summed, in the other it is not. Which of them subtracts for each entry twice?",
        ("(5, 6) if fused else (6, 4)", "(6, 4) if fused else (5, 6)"),
    ),
]

BLOCKED = [
    mistake(
        "blocked_softmax",
        "all-at-once",
        "the whole product is made at once",
        "How much of the product is in memory at the line with the softmax, and how much would have to be?",
        ("for start in range(0, M, rows):", "rows = M\n    for start in range(0, M, rows):"),
    ),
    mistake(
        "blocked_softmax",
        "blocks-kept-and-joined",
        "all blocks are kept in a list and joined in the end",
        "While the list is joined, what is there twice? A result that is there from the beginning can take each block at once.",
        ("    for start", "    parts = []\n    for start"),
        ("torch.softmax(scores, dim=-1, out=out[block])", "parts.append(torch.softmax(scores, dim=-1))"),
        ("return out", "return torch.cat(parts, dim=-2)"),
        ("out = a.new_empty((*batch, M, N))", "out = None"),
    ),
    mistake(
        "blocked_softmax",
        "last-block-dropped",
        "a last block that is shorter than the others is left out",
        "Five rows in blocks of two: how many blocks, and who does the fifth row?",
        ("range(0, M, rows)", "range(0, M - rows + 1, rows)"),
        ("a.new_empty(", "a.new_zeros("),
    ),
    mistake(
        "blocked_softmax",
        "batch-sliced",
        "blocks are cut from the first axis, which may be the batch",
        "In a batch of matrices, which axis holds the rows, counted from the end?",
        ("(..., slice(start, start + rows), slice(None))", "(slice(start, start + rows),)"),
        ("torch.softmax(scores, dim=-1, out=out[block])", "out[block] = torch.softmax(scores, dim=-1)"),
    ),
    mistake(
        "blocked_softmax",
        "columns-add-up",
        "the softmax of a block goes down its columns",
        "What must add up to one: a row of the result, or a column of a block?",
        ("dim=-1", "dim=-2"),
    ),
    mistake(
        "blocked_softmax",
        "one-block-many-times",
        "every block is computed from the first rows",
        "Which rows of a does the second block come from in your loop?",
        ("a[block] @ b", "a[..., : out[block].shape[-2], :] @ b"),
    ),
]

ONLINE = [
    mistake(
        "online_softmax",
        "sum-never-rescaled",
        "the sum so far stays as it is when the maximum grows",
        "Your old terms were exp(x - old maximum). What are they worth beside exp(x - new maximum)?",
        ("total * fade", "total"),
    ),
    mistake(
        "online_softmax",
        "maximum-of-the-block",
        "the maximum of the last block is taken for that of the row",
        "Let the largest entry be in the first block. What is your maximum after the second?",
        ("torch.maximum(m, part.amax(-1))", "part.amax(-1)"),
    ),
    mistake(
        "online_softmax",
        "last-maximum-returned",
        "what is returned as the maximum is that of the last block",
        "There are two maxima: that of the block, and that of the row. Which of them do you return?",
        ("return m, total", "return part.amax(-1), total"),
    ),
    mistake(
        "online_softmax",
        "rescaled-the-wrong-way",
        "the sum so far is multiplied by the inverse of the factor",
        "The maximum has grown: must the old terms shrink or grow?",
        ("torch.exp(m - shift)", "torch.exp(shift - m).nan_to_num(posinf=1.0)"),
    ),
    mistake(
        "online_softmax",
        "difference-of-infinities",
        "-inf is subtracted from -inf in rows in which nothing has been seen",
        "What is -inf - (-inf)? Print it. What would you like to subtract from a block of -inf?",
        ("larger.masked_fill(larger == -math.inf, 0)", "larger"),
    ),
    mistake(
        "online_softmax",
        "empty-rows-count-one",
        "in a row of -inf each entry counts as one",
        "Whatever is -inf has the weight zero. What is the sum of a row with nothing else in it?",
        (
            "torch.exp(part - shift[..., None]).sum(-1)",
            "torch.where(part == larger[..., None], 1.0, torch.exp(part - shift[..., None])).to(x.dtype).sum(-1)",
        ),
    ),
    mistake(
        "online_softmax",
        "starts-at-zero",
        "the maximum starts at zero, not at -inf",
        "A row in which all entries lie below zero: what is its maximum, and what is yours?",
        ("torch.full_like(x[..., 0], -math.inf)", "torch.zeros_like(x[..., 0])"),
    ),
    mistake(
        "online_softmax",
        "sum-beside-zero",
        "the sum is that of exp(x), without the maximum subtracted",
        "Compare your sum with the definition for one row of one entry. What is exp(x - m) there?",
        ("return m, total", "return m, total * torch.exp(m)"),
    ),
]

ATTENTION = [
    mistake(
        "one_pass_attention",
        "accumulator-not-rescaled",
        "the values added up so far are not rescaled when the maximum grows",
        "Your sum shrinks when the maximum grows. What else was made with the old maximum?",
        ("mixed.mul_(fade)", "mixed"),
    ),
    mistake(
        "one_pass_attention",
        "sum-not-rescaled",
        "the sum is not rescaled when the maximum grows, the values are",
        "Numerator and denominator must speak of the same maximum. Do yours, after two blocks?",
        ("total.mul_(fade)", "total"),
    ),
    mistake(
        "one_pass_attention",
        "maximum-of-the-block",
        "the maximum of each block is subtracted, and nothing knows of the others",
        "Each of your blocks is a softmax by itself. What has to be the same in all of them before they may be added?",
        ("torch.maximum(m, x.amax(-1, keepdim=True))", "x.amax(-1, keepdim=True)"),
        ("fade = torch.exp(m - shift)", "fade = torch.ones_like(m)"),
    ),
    mistake(
        "one_pass_attention",
        "no-maximum",
        "nothing is subtracted from the scores before exp",
        "With scores of a thousand, what is exp of them? What is the running maximum for?",
        ("torch.maximum(m, x.amax(-1, keepdim=True))", "torch.zeros_like(m)"),
    ),
    mistake(
        "one_pass_attention",
        "each-block-normalised",
        "each block of keys has a softmax of its own, and the results are added",
        "How much do all the weights of one query add up to in your version, with three blocks?",
        ("weights = x.sub_(shift).exp_()", "weights = x.sub_(shift).exp_()\n        weights = weights / weights.sum(-1, keepdim=True)"),
        ("return mixed.div_(total.masked_fill_(total == 0, 1))", "return mixed"),
    ),
    mistake(
        "one_pass_attention",
        "division-forgotten",
        "the result is not divided by the sum of the weights",
        "Let all values be one: what must come out, and what does?",
        ("return mixed.div_(total.masked_fill_(total == 0, 1))", "return mixed"),
    ),
    mistake(
        "one_pass_attention",
        "scale-forgotten",
        "the scores are not divided by the root of the number of dimensions",
        "Compare your scores with the formula, for two words. What stands below the fraction?",
        ("q = q / math.sqrt(q.shape[-1])", "q = q + 0"),
    ),
    mistake(
        "one_pass_attention",
        "mask-from-the-first-query",
        "query t sees the keys up to t, also where there are more keys than queries",
        "With three queries and five keys, the last query should see all five. How many does yours see?",
        (" + S - T  # (T, 1)", ""),
    ),
    mistake(
        "one_pass_attention",
        "mask-excludes-itself",
        "a query does not see the key of its own place",
        "May a word look at itself? With one query and one key, what is left in your version?",
        ("> last_seen", ">= last_seen"),
    ),
    mistake(
        "one_pass_attention",
        "mask-forgets-the-block",
        "in every block the mask begins at key 0",
        "The first column of the second block is which key? Where does your mask learn of it?",
        ("start + torch.arange(x.shape[-1])", "torch.arange(x.shape[-1])"),
    ),
    mistake(
        "one_pass_attention",
        "mask-of-the-other-axis",
        "the mask is transposed: keys see the queries before them",
        "Draw your mask for four words. Which triangle is open, and which axis are the queries on?",
        ("> last_seen", "< last_seen"),
    ),
    mistake(
        "one_pass_attention",
        "zero-divided-by-zero",
        "a query that sees no key divides zero by zero",
        "Five queries, three keys, causal: what has the first query added up, and what do you divide it by?",
        ("total.masked_fill_(total == 0, 1)", "total"),
    ),
    mistake(
        "one_pass_attention",
        "all-weights-kept",
        "the weights of all blocks are kept",
        "What do you still need of a block of weights, once its values are added up?",
        ("    for start", "    kept = []\n    for start"),
        ("new = weights @ values", "kept.append(weights)\n        new = weights @ values"),
    ),
    mistake(
        "one_pass_attention",
        "all-scores-first",
        "all scores are made before the loop",
        "The loop goes over blocks. How large is what you have made before it begins?",
        ("    for start", "    scores = q @ k.transpose(-2, -1)\n    for start"),
        ("x = q @ keys.transpose(-2, -1)", "x = scores[..., start : start + block].clone()"),
    ),
]

MISTAKES = [*LAYERNORM, *SOFTMAX, *COUNTS, *BLOCKED, *ONLINE, *ATTENTION, *KERNEL_MISTAKES]
TYPICAL = [
    "matmul_softmax-zero-gradients",
    "loop_counts-rows-kept-are-loaded",
    "blocked_softmax-blocks-kept-and-joined",
    "one_pass_attention-accumulator-not-rescaled",
    *TYPICAL_KERNELS,
]
