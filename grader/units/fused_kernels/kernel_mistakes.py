"""Mistakes in the kernels of unit 5."""

from __future__ import annotations

from autodiff_lib.units.fused_kernels.kernels import UNIT_NAME

from .. import Mistake, mistakes_of

mistake = mistakes_of(UNIT_NAME)

A_MASK, B_MASK = "(rows < M) & (across < K)", "(down < K) & (columns < N)"
ROW_INSIDE = 'mask=inside, other=-float("inf")'
IEEE = ', input_precision="ieee"'

SCALE = [
    mistake(
        "scale_kernel",
        "store-without-mask",
        "the store has no mask",
        "Your load knows where the numbers end. Who tells the store?",
        ("factor * x, mask=inside)", "factor * x)"),
    ),
    mistake(
        "scale_kernel",
        "load-without-mask",
        "the load has no mask",
        "What is at the addresses behind the last number, and who reads there?",
        ("x_ptr + offsets, mask=inside)", "x_ptr + offsets)"),
    ),
    mistake(
        "scale_kernel",
        "mask-one-too-many",
        "the mask lets one number too many through",
        "With n numbers, the last one has the index n - 1. What does your mask say of n?",
        ("offsets < n", "offsets <= n"),
    ),
    mistake(
        "scale_kernel",
        "every-program-the-first-block",
        "every program has the first block",
        "Print what differs between program 0 and program 1 in your code. Is there anything?",
        ("tl.program_id(0) * BLOCK + tl.arange", "tl.arange"),
    ),
    mistake(
        "scale_kernel",
        "blocks-overlap",
        "the blocks overlap: each begins one behind the last one's beginning",
        "Where does program 1 begin, if program 0 has BLOCK numbers?",
        ("tl.program_id(0) * BLOCK + ", "tl.program_id(0) + "),
    ),
]

ADD = [
    mistake(
        "add_kernel",
        "one-stride-for-all",
        "all three matrices are walked with the stride of the first",
        "Each matrix says for itself how far it is from one row to the next. Which of the strides do you use for which?",
        ("y_ptr + rows * y_row", "y_ptr + rows * x_row"),
        ("out_ptr + rows * out_row", "out_ptr + rows * x_row"),
    ),
    mistake(
        "add_kernel",
        "stride-is-number-of-columns",
        "rows are taken to follow one another without a gap, N apart",
        "Give it a matrix that is a part of a wider one. How far is it from one row to the next there?",
        ("rows * x_row", "rows * N"),
        ("rows * y_row", "rows * N"),
        ("rows * out_row", "rows * N"),
    ),
    mistake(
        "add_kernel",
        "mask-of-rows-alone",
        "the mask looks at the rows alone",
        "Where does an entry land whose column is beyond N?",
        ("(rows < M) & (columns < N)", "(rows < M) & (columns < columns + 1)"),
    ),
    mistake(
        "add_kernel",
        "mask-of-columns-alone",
        "the mask looks at the columns alone",
        "How many rows has the last block of rows, and how many of them are there?",
        ("(rows < M) & (columns < N)", "(rows < rows + 1) & (columns < N)"),
    ),
    mistake(
        "add_kernel",
        "mask-of-the-wrong-axis",
        "rows are compared with the number of columns, and columns with the number of rows",
        "Try a matrix that is wide and flat. Which of its two sizes bounds which of your two index blocks?",
        ("(rows < M) & (columns < N)", "(rows < N) & (columns < M)"),
    ),
    mistake(
        "add_kernel",
        "program-axes-swapped",
        "the two axes of the grid are swapped",
        "The first axis of the grid counts blocks of rows. Which program has the block in the upper right corner?",
        ("tl.program_id(0) * BLOCK_M", "tl.program_id(1) * BLOCK_M"),
        ("tl.program_id(1) * BLOCK_N", "tl.program_id(0) * BLOCK_N"),
    ),
]

ROW_SUM = [
    mistake(
        "row_sum_kernel",
        "other-missing",
        "the masked lanes of the load have no `other`",
        "What do the lanes behind the end of the row hold when you add the block? On a GPU, whatever was there before.",
        (", mask=columns < N, other=0.0)", ", mask=columns < N)"),
    ),
    mistake(
        "row_sum_kernel",
        "last-block-left-out",
        "the last, incomplete block of a row is left out",
        "How often does your loop run for 40 numbers in blocks of 16?",
        ("range(0, N, BLOCK)", "range(0, N // BLOCK * BLOCK, BLOCK)"),
    ),
    mistake(
        "row_sum_kernel",
        "first-block-alone",
        "only the first block of a row is added",
        "Which numbers does your program see when the row is longer than BLOCK?",
        ("columns = start + tl.arange(0, BLOCK)", "columns = tl.arange(0, BLOCK)"),
        ("range(0, N, BLOCK)", "range(0, BLOCK, BLOCK)"),
    ),
    mistake(
        "row_sum_kernel",
        "block-does-not-move",
        "the same block is added again and again",
        "What changes in the addresses from one turn of the loop to the next?",
        ("columns = start + tl.arange(0, BLOCK)", "columns = tl.arange(0, BLOCK)"),
    ),
    mistake(
        "row_sum_kernel",
        "mean",
        "the sum is divided by the number of columns",
        "Sum or mean?",
        ("tl.sum(partial, axis=0))", "tl.sum(partial, axis=0) / N)"),
    ),
    mistake(
        "row_sum_kernel",
        "added-in-float16",
        "the sums are kept in float16",
        "What is the largest number in float16, and how large do your sums become?",
        ("dtype=tl.float32", "dtype=tl.float16"),
        (
            "partial += tl.load(x_ptr + row * x_row + columns, mask=columns < N, other=0.0)",
            "partial += tl.load(x_ptr + row * x_row + columns, mask=columns < N, other=0.0).to(tl.float16)",
        ),
    ),
]

ROW_SOFTMAX = [
    mistake(
        "row_softmax_kernel",
        "other-zero",
        "the lanes behind the end of the row hold zeros",
        "exp(0 - max) is not nothing. What must stand in a lane, so that it changes neither the maximum nor the sum?",
        (ROW_INSIDE, "mask=inside, other=0.0"),
    ),
    mistake(
        "row_softmax_kernel",
        "other-missing",
        "the masked lanes of the load have no `other`",
        "What do the lanes behind the end of the row hold when the maximum is taken?",
        (ROW_INSIDE, "mask=inside"),
    ),
    mistake(
        "row_softmax_kernel",
        "no-maximum",
        "the maximum is not subtracted",
        "What is exp(1000)?",
        ("tl.exp(x - tl.max(x, axis=0))", "tl.exp(x)"),
    ),
    mistake(
        "row_softmax_kernel",
        "minimum",
        "the minimum is subtracted, not the maximum",
        "Which of the entries makes exp too large, and which one do you subtract?",
        ("tl.max(x, axis=0)", "tl.min(tl.where(inside, x, float(\"inf\")), axis=0)"),
    ),
    mistake(
        "row_softmax_kernel",
        "stride-mixed-up",
        "the result is written with the stride of the input",
        "x and out may be padded differently. Which stride belongs to which pointer?",
        ("out_ptr + row * out_row", "out_ptr + row * x_row"),
    ),
    mistake(
        "row_softmax_kernel",
        "read-twice",
        "the row is read a second time for the sum",
        "Your numbers are right. How often does a row come from memory, and where could it be kept?",
        ("powers / tl.sum(powers, axis=0)",
         "powers / tl.sum(tl.exp(tl.load(x_ptr + row * x_row + columns, mask=inside, other=-float(\"inf\")).to(tl.float32) - tl.max(x, axis=0)), axis=0)"),
    ),
]  # fmt: skip


def of_a_product(kernel: str) -> list[Mistake]:
    """What goes wrong in the product itself, whatever comes after it."""
    return [
        mistake(
            kernel,
            "K-not-a-multiple",
            "the last block of K is not masked in either matrix",
            f"In {kernel}: What is added to the product in the last turn of the loop, if K is not a multiple of the block?",
            (A_MASK, "(rows < M) & (across < across + 1)"),
            (B_MASK, "(down < down + 1) & (columns < N)"),
        ),
        mistake(
            kernel,
            "K-last-block-left-out",
            "the last, incomplete block of K is left out",
            f"In {kernel}: How often does your loop run for K = 40 in blocks of 16?",
            ("range(0, K, BLOCK_K)", "range(0, K // BLOCK_K * BLOCK_K, BLOCK_K)"),
        ),
        mistake(
            kernel,
            "other-missing",
            "the masked lanes of the loads have no `other`",
            f"In {kernel}: Masked lanes of K take part in the product. What do they hold?",
            (", other=0.0)", ")"),
        ),
        mistake(
            kernel,
            "tf32",
            "the product of float32 goes through TF32",
            f"In {kernel}: Three digits are right and the fourth is not. What does tl.dot do with float32 on a GPU, unless you tell it otherwise?",
            (IEEE, ""),
        ),
    ]


MATMUL = [
    *of_a_product("matmul_kernel"),
    mistake(
        "matmul_kernel",
        "strides-of-b-mixed-up",
        "the two strides of b are mixed up",
        "To the next row of b, and to the next column: which step is which of the two strides?",
        ("down * b_row + columns * b_column", "down * b_column + columns * b_row"),
    ),
    mistake(
        "matmul_kernel",
        "strides-of-a-taken-as-plain",
        "a is read as if its rows followed one another without a gap, and its columns were neighbours",
        "Hand it the transpose of a matrix. What are its two strides?",
        ("rows * a_row + across * a_column", "rows * K + across"),
    ),
    mistake(
        "matmul_kernel",
        "mask-of-the-wrong-axis",
        "the rows of a are masked by the number of columns",
        "Which of M, N and K is the number of rows of a?",
        (A_MASK, "(rows < N) & (across < K)"),
    ),
    mistake(
        "matmul_kernel",
        "product-not-added",
        "each block of K overwrites the product of those before it",
        "What becomes of the product of the first block when the second one comes?",
        ("product += tl.dot", "product = tl.dot"),
    ),
    mistake(
        "matmul_kernel",
        "every-program-all-columns-first",
        "the columns do not depend on the program",
        "What does program (0, 1) write?",
        ("tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)", "tl.arange(0, BLOCK_N)"),
    ),
    mistake(
        "matmul_kernel",
        "stored-in-every-turn",
        "the unfinished product is stored in every turn of the loop",
        "Your numbers are right. When is a tile done, and how often is it written?",
        ('b, input_precision="ieee")  # (BLOCK_M, BLOCK_N)\n',
         'b, input_precision="ieee")\n        tl.store(out_ptr + rows * out_row + columns, product, mask=(rows < M) & (columns < N))\n'),
    ),
]  # fmt: skip

MATMUL_LAYERNORM = [
    *of_a_product("matmul_layernorm_kernel"),
    mistake(
        "matmul_layernorm_kernel",
        "mean-over-the-block",
        "the mean is taken over the block, and not over N columns",
        "How many columns has a row, and by what number do you divide?",
        ("axis=1)[:, None] / N  # (BLOCK_M, 1)", "axis=1)[:, None] / BLOCK_N"),
    ),
    mistake(
        "matmul_layernorm_kernel",
        "variance-over-the-block",
        "the variance is divided by the size of the block",
        "How many numbers have you squared and added, leaving out those behind N?",
        ("centred, axis=1)[:, None] / N", "centred, axis=1)[:, None] / BLOCK_N"),
    ),
    mistake(
        "matmul_layernorm_kernel",
        "padding-in-the-variance",
        "the columns behind N count for the variance",
        "A lane behind N held 0. What does it hold when the mean has been subtracted, and what is that, squared?",
        ("tl.where(columns < N, product - mean, 0.0)", "product - mean"),
    ),
    mistake(
        "matmul_layernorm_kernel",
        "eps-outside",
        "eps is added to the root, not under it",
        "The root of variance + eps: where does eps stand?",
        ("tl.sqrt(variance + eps)", "(tl.sqrt(variance) + eps)"),
    ),
    mistake(
        "matmul_layernorm_kernel",
        "unbiased",
        "the variance is divided by N - 1",
        "Layer normalisation takes the mean of the squares. Of how many numbers?",
        ("centred, axis=1)[:, None] / N", "centred, axis=1)[:, None] / (N - 1)"),
    ),
    mistake(
        "matmul_layernorm_kernel",
        "squares-in-float16",
        "the squares are taken in float16",
        "With float16 the result is infinite or nan. What is 300 squared, and what is the largest number that float16 has?",
        ("centred = tl.where(columns < N, product - mean, 0.0)", "centred = tl.where(columns < N, product - mean, 0.0).to(a_ptr.dtype.element_ty)"),
        ("centred / tl.sqrt(variance + eps)", "centred / tl.sqrt(variance.to(tl.float32) + eps)"),
    ),
    mistake(
        "matmul_layernorm_kernel",
        "columns-normalised",
        "columns are normalised, not rows",
        "Along which axis of the tile do you add?",
        ("tl.sum(product, axis=1)[:, None] / N", "tl.sum(product, axis=0)[None, :] / BLOCK_M"),
        ("tl.sum(centred * centred, axis=1)[:, None] / N", "tl.sum(centred * centred, axis=0)[None, :] / BLOCK_M"),
    ),
    mistake(
        "matmul_layernorm_kernel",
        "product-through-memory",
        "the product is written to memory and read again",
        "Your numbers are right, and it is not fused: what goes to memory between the two steps?",
        ("    mean = tl.sum", "    tl.store(out_ptr + rows * out_row + columns, product, mask=(rows < M) & (columns < N))\n"
         "    product = tl.load(out_ptr + rows * out_row + columns, mask=(rows < M) & (columns < N), other=0.0).to(tl.float32)\n    mean = tl.sum"),
    ),
]  # fmt: skip

MATMUL_SOFTMAX = [
    *of_a_product("matmul_softmax_kernel"),
    mistake(
        "matmul_softmax_kernel",
        "padding-in-the-sum",
        "the columns behind N count for the sum",
        "A lane behind N holds 0 after the product. What is exp of it?",
        ("    product = tl.where(columns < N, product, -float(\"inf\"))\n", ""),
    ),
    mistake(
        "matmul_softmax_kernel",
        "no-maximum",
        "the maximum is not subtracted",
        "Two large rows of a and b have a product of some thousands. What is exp of that?",
        ("product - tl.max(product, axis=1)[:, None]", "product"),
    ),
    mistake(
        "matmul_softmax_kernel",
        "maximum-of-the-block",
        "one maximum is taken of the whole tile, and not of each row",
        "Another row has an entry that is larger by 1000. What is left of this one?",
        ("tl.max(product, axis=1)[:, None]", "tl.max(product)"),
    ),
    mistake(
        "matmul_softmax_kernel",
        "columns-normalised",
        "columns add up to one, not rows",
        "Which way does a softmax add up to one here: down the tile, or across it?",
        ("tl.sum(powers, axis=1)[:, None]", "tl.sum(powers, axis=0)[None, :]"),
    ),
    mistake(
        "matmul_softmax_kernel",
        "product-through-memory",
        "the product is written to memory and read again",
        "Your weights are right, and it is not fused: which numbers go out to memory and come back?",
        ("    product = tl.where", "    tl.store(out_ptr + rows * out_row + columns, product, mask=(rows < M) & (columns < N))\n"
         "    product = tl.load(out_ptr + rows * out_row + columns, mask=(rows < M) & (columns < N), other=0.0).to(tl.float32)\n    product = tl.where"),
    ),
    mistake(
        "matmul_softmax_kernel",
        "a-read-twice",
        "both matrices are read once more than needed",
        "Your numbers are right. How often does your program load each tile?",
        ('        product += tl.dot(a, b', "        a = tl.load(a_ptr + rows * a_row + across * a_column, mask=(rows < M) & (across < K), other=0.0)\n"
         "        b = tl.load(b_ptr + down * b_row + columns * b_column, mask=(down < K) & (columns < N), other=0.0)\n        product += tl.dot(a, b"),
    ),
]  # fmt: skip

ATTENTION = [
    mistake(
        "attention_kernel",
        "maximum-of-the-block",
        "the running maximum forgets the blocks before",
        "The second block of keys has smaller scores than the first. What is your maximum after it?",
        ("tl.maximum(m, tl.max(s, axis=1))", "tl.max(s, axis=1)"),
    ),
    mistake(
        "attention_kernel",
        "accumulator-not-rescaled",
        "the accumulator is not rescaled when the maximum grows",
        "The old terms were divided by e to the old maximum, the new ones by e to the new. What makes them comparable?",
        ("o = keep[:, None] * o + ", "o = o + "),
    ),
    mistake(
        "attention_kernel",
        "sum-not-rescaled",
        "the running sum is not rescaled when the maximum grows",
        "The accumulator is rescaled when the maximum grows. And what it is divided by in the end?",
        ("z = keep * z + ", "z = z + "),
    ),
    mistake(
        "attention_kernel",
        "rescaled-the-wrong-way",
        "the old terms are rescaled by e to new minus old",
        "If the maximum grows, do the old terms count for more or for less?",
        ("keep = tl.exp(m - shift)", "keep = tl.exp(shift - m)"),
    ),
    mistake(
        "attention_kernel",
        "inf-minus-inf",
        "minus infinity is subtracted from minus infinity",
        "A row that has seen nothing yet has the maximum -inf. What is -inf - (-inf)?",
        ('tl.where(new_m == -float("inf"), 0.0, new_m)', "new_m"),
    ),
    mistake(
        "attention_kernel",
        "nothing-divided-by-nothing",
        "a row that sees nothing is divided by its sum, which is 0",
        "What is the sum of a row that sees no key, and what is 0 / 0?",
        ("o / tl.where(z == 0.0, 1.0, z)[:, None]", "o / z[:, None]"),
    ),
    mistake(
        "attention_kernel",
        "keys-not-masked",
        "the keys behind the last one count as scores of zero",
        "The last block of keys is not full. What is the score of a key that is not there, and what is exp of it?",
        ("(keys[None, :] < S) & (keys[None, :] <= last[:, None])", "keys[None, :] <= tl.where(last == S - 1, start + BLOCK_N, last)[:, None]"),
    ),
    mistake(
        "attention_kernel",
        "causal-ignored",
        "the causal mask is not used",
        "May the first query see the last key?",
        ("rows + (S - T) if CAUSAL else rows * 0 + (S - 1)", "rows * 0 + (S - 1)"),
    ),
    mistake(
        "attention_kernel",
        "causal-from-the-first-key",
        "the first query is taken to see the first key, although it is the last ones that belong together",
        "With 18 queries and 41 keys, how many keys does the last query see?",
        ("rows + (S - T) if CAUSAL", "rows if CAUSAL"),
    ),
    mistake(
        "attention_kernel",
        "causal-one-too-few",
        "a query does not see its own key",
        "j <= i or j < i?",
        ("keys[None, :] <= last[:, None]", "keys[None, :] < last[:, None] + (0 if CAUSAL else 1)"),
    ),
    mistake(
        "attention_kernel",
        "scale-forgotten",
        "the scores are not scaled",
        "One of your arguments stands nowhere in your code.",
        ("s = scale * tl.dot", "s = tl.dot"),
    ),
    mistake(
        "attention_kernel",
        "not-divided",
        "the accumulator is not divided by the sum",
        "What do the weights of a row add up to in your version?",
        ("out = o / tl.where(z == 0.0, 1.0, z)[:, None]", "out = o"),
    ),
    mistake(
        "attention_kernel",
        "saves-the-maximum",
        "the maximum is saved, without the logarithm of the sum",
        "Can the weights be made again from what you save? exp(s - saved) must be a weight, and not only proportional to one.",
        ("m + tl.log(z)", "m"),
    ),
    mistake(
        "attention_kernel",
        "saves-the-logarithm-alone",
        "the logarithm of the sum is saved, without the maximum",
        "Your sum is one of exp(s - m). What is the logarithm of the sum of exp(s)?",
        ("m + tl.log(z)", "tl.log(z)"),
    ),
    mistake(
        "attention_kernel",
        "head-forgotten",
        "every program of keys and values reads the first head",
        "Where do the keys of the second head begin?",
        ("k_head * head + keys", "keys"),
    ),
    mistake(
        "attention_kernel",
        "all-blocks-read",
        "blocks of keys that no query of the program sees are read all the same",
        "Your numbers are right. Which key is the last that any of your queries sees, and how far does your loop run?",
        ("end = tl.minimum(S, tl.max(tl.where(rows < T, last, -1), axis=0) + 1)", "end = S"),
    ),
    mistake(
        "attention_kernel",
        "queries-in-every-turn",
        "keys and values are read a second time in every turn",
        "Your numbers are right. How often does each block come from memory?",
        ("        s = scale * tl.dot", "        k = tl.load(k_ptr + there, mask=keys[:, None] < end, other=0.0)\n        v = tl.load(v_ptr + there, mask=keys[:, None] < end, other=0.0)\n        s = scale * tl.dot"),
    ),
    mistake(
        "attention_kernel",
        "tf32",
        "the product of float32 goes through TF32",
        "Three digits are right and the fourth is not. What does tl.dot do with float32 on a GPU, unless you tell it otherwise?",
        (IEEE, ""),
    ),
    mistake(
        "attention_kernel",
        "rows-by-keys-stride",
        "the queries of a head are taken to be as many as its keys",
        "Where does the second head of q begin, if there are 20 queries and 37 keys?",
        ("q_ptr + here", "q_ptr + head * k_head + rows[:, None] * row + d"),
    ),
]  # fmt: skip

VISIBLE_P = "p = tl.where(visible, tl.exp(s - lse[:, None]), 0.0)"


def of_a_gradient(kernel: str) -> list[Mistake]:
    """What goes wrong in both gradients."""
    return [
        mistake(
            kernel,
            "delta-forgotten",
            "delta is not subtracted",
            f"In {kernel}: The weights of a row add up to one, so they cannot all grow. Which term of dS sees to that?",
            ("(d_p - delta[:, None])", "d_p"),
        ),
        mistake(
            kernel,
            "scale-forgotten",
            "the gradient of the scores is not scaled",
            f"In {kernel}: The scores were scaled on their way forwards. What does the chain rule say of that on the way back?",
            ("d_s = scale * p", "d_s = p"),
        ),
        mistake(
            kernel,
            "mask-forgotten",
            "what a query does not see has a weight all the same",
            f"In {kernel}: exp(s - lse) is a number for each pair. Which pairs have no weight at all?",
            (VISIBLE_P, "p = tl.exp(s - lse[:, None])"),
        ),
        mistake(
            kernel,
            "scores-not-scaled",
            "the weights are made again from scores that are not scaled",
            f"In {kernel}: Are these the weights of the forward pass? Try one row: do they add up to one?",
            ("s = scale * tl.dot", "s = tl.dot"),
        ),
        mistake(
            kernel,
            "tf32",
            "the products of float32 go through TF32",
            f"In {kernel}: Three digits are right and the fourth is not. What does tl.dot do with float32 on a GPU, unless you tell it otherwise?",
            (IEEE, ""),
        ),
        mistake(
            kernel,
            "plain-gradient-of-values",
            "dP is multiplied by the scores and not by the weights",
            f"In {kernel}: dS is the weights times something. Which of your variables are the weights?",
            ("d_s = scale * p * (d_p", "d_s = scale * tl.where(visible, s, 0.0) * (d_p"),
        ),
    ]


ATTENTION_GRAD_Q = [
    *of_a_gradient("attention_grad_q_kernel"),
    mistake(
        "attention_grad_q_kernel",
        "zero",
        "the gradient is zero everywhere",
        "Does what you store depend on d_out?",
        ("tl.store(d_q_ptr + here, d_q,", "tl.store(d_q_ptr + here, 0.0 * d_q,"),
    ),
    mistake(
        "attention_grad_q_kernel",
        "last-block-alone",
        "only the last block of keys counts",
        "What becomes of the first block's share when the second one comes?",
        ("d_q += tl.dot", "d_q = tl.dot"),
    ),
    mistake(
        "attention_grad_q_kernel",
        "all-blocks-read",
        "blocks of keys that no query of the program sees are read all the same",
        "Your numbers are right. Which key is the last that any of your queries sees?",
        ("end = tl.minimum(S, tl.max(tl.where(rows < T, last, -1), axis=0) + 1)", "end = S"),
    ),
]

ATTENTION_GRAD_KV = [
    *of_a_gradient("attention_grad_kv_kernel"),
    mistake(
        "attention_grad_kv_kernel",
        "all-queries-read",
        "blocks of queries that see none of the keys are read all the same",
        "Your numbers are right. Which query is the first that sees any of your keys?",
        ("tl.maximum(0, tl.program_id(0) * BLOCK_N + (T - S))", "0"),
    ),
    mistake(
        "attention_grad_kv_kernel",
        "dv-from-dp",
        "the gradient of the values is made of dP and not of P",
        "The output is P times V. What is its gradient with respect to V?",
        ("p_turned = tl.trans(p.to(d_out.dtype))", "p_turned = tl.trans(d_s.to(d_out.dtype))"),
        ("        p_turned", '        d_s = tl.dot(d_out, tl.trans(v), input_precision="ieee")\n        p_turned'),
    ),
    mistake(
        "attention_grad_kv_kernel",
        "dk-and-dv-swapped",
        "the two gradients are stored in one another's place",
        "Which of the two is made of q, and which of d_out?",
        ("tl.store(d_k_ptr + here, d_k,", "tl.store(d_v_ptr + here, d_k,"),
        ("tl.store(d_v_ptr + here, d_v,", "tl.store(d_k_ptr + here, d_v,"),
    ),
    mistake(
        "attention_grad_kv_kernel",
        "queries-by-all-programs",
        "the first block of queries is left out",
        "Which query is the first that sees any of your keys? It may be in the middle of a block, too.",
        ("for start in range(first, T, BLOCK_M)", "for start in range(first + BLOCK_M, T, BLOCK_M)"),
    ),
]

# --- what fails one part alone: the right numbers out of the wrong places, or too often

ALONE = [
    mistake(
        "scale_kernel",
        "added",
        "the factor is added",
        "Try a factor of 0: what must come out?",
        ("factor * x", "factor + x"),
    ),
    mistake(
        "scale_kernel",
        "read-twice",
        "each number is read twice",
        "Your numbers are right. How many bytes must be read for n numbers of 4 bytes, and how many do you read?",
        ("    tl.store(", "    x = tl.load(x_ptr + offsets, mask=inside)\n    tl.store("),
    ),
    mistake(
        "add_kernel",
        "subtracted",
        "the matrices are subtracted",
        "Plus or minus?",
        ("x + y, mask", "x - y, mask"),
    ),
    mistake(
        "add_kernel",
        "read-twice",
        "both matrices are read twice",
        "Your numbers are right. A sum of two matrices reads two and writes one: how many do you move?",
        (
            "    tl.store(",
            "    x = tl.load(x_ptr + rows * x_row + columns, mask=inside)\n"
            "    y = tl.load(y_ptr + rows * y_row + columns, mask=inside)\n    tl.store(",
        ),
    ),
    mistake(
        "row_sum_kernel",
        "read-behind-the-row",
        "the load has no mask, and what lies behind the row is thrown away after it was read",
        "Your sums are right, since tl.where drops what is not yours. But it has been read by then: what lies behind the last row?",
        (
            "tl.load(x_ptr + row * x_row + columns, mask=columns < N, other=0.0)",
            "tl.where(columns < N, tl.load(x_ptr + row * x_row + columns), 0.0)",
        ),
    ),
    mistake(
        "row_sum_kernel",
        "read-twice",
        "each block is read twice",
        "Your sums are right. How often does a number come from memory?",
        (
            "        partial +=",
            "        first = tl.load(x_ptr + row * x_row + columns, mask=columns < N, other=0.0)\n        partial += 0.0 * first\n"
            "        partial +=",
        ),
    ),
    mistake(
        "row_softmax_kernel",
        "read-behind-the-row",
        "the load has no mask, and what lies behind the row is replaced after it was read",
        "tl.where makes it right, and too late: it has been read by then. What lies behind the last row?",
        (
            'tl.load(x_ptr + row * x_row + columns, mask=inside, other=-float("inf"))',
            'tl.where(inside, tl.load(x_ptr + row * x_row + columns), -float("inf"))',
        ),
    ),
    *(
        mistake(
            kernel,
            "rows-behind-the-end",
            "rows of a behind the last one are read, though nothing of them is stored",
            f"In {kernel} the last program has more rows than there are. It does not store them; does it read them?",
            (f"a_mask, b_mask = {A_MASK}", "a_mask, b_mask = (rows < rows + 1) & (across < K)"),
        )
        for kernel in ("matmul_kernel", "matmul_layernorm_kernel", "matmul_softmax_kernel")
    ),
    *(
        mistake(
            kernel,
            "queries-behind-the-end",
            "queries behind the last one are read, though nothing of them is stored",
            f"In {kernel} the last program has more queries than there are. It does not store them; does it read them?",
            ("q_ptr + here, mask=sees[:, None], other=0.0)", "q_ptr + here)"),
        )
        for kernel in ("attention_kernel", "attention_grad_q_kernel")
    ),
    mistake(
        "attention_grad_kv_kernel",
        "keys-behind-the-end",
        "keys behind the last one are read, though nothing of them is stored",
        "The last program has more keys than there are. It does not store them; does it read them?",
        ("k = tl.load(k_ptr + here, mask=keys[:, None] < S, other=0.0)", "k = tl.load(k_ptr + here)"),
    ),
]

KERNEL_MISTAKES = [
    *SCALE, *ADD, *ROW_SUM, *ROW_SOFTMAX, *MATMUL, *MATMUL_LAYERNORM, *MATMUL_SOFTMAX, *ATTENTION, *ATTENTION_GRAD_Q, *ATTENTION_GRAD_KV,
    *ALONE,
]  # fmt: skip
TYPICAL_KERNELS = ["row_softmax_kernel-other-zero", "matmul_kernel-K-not-a-multiple", "attention_kernel-accumulator-not-rescaled"]
