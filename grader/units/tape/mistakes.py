"""Mistakes of unit 7."""

from __future__ import annotations

from autodiff_lib.units.tape.unit import UNIT

from .. import mistakes_of

mistake = mistakes_of(UNIT.name)

# texts of the solutions that fill more than a line, or stand in several edits

SPOTS = """    for array, handed_in in zip(inputs, gradients_to_update, strict=True):
        if handed_in is None:
            self.gradient_buffer.add_spot(array)
"""
ARGUMENTS = "arguments = list(inputs), output, list(gradients_to_update), backward_operation"
APPEND = "    self.operation_list.append(Operation(*arguments))"

ADD_OPERATION = [
    mistake(
        "add_operation",
        "spots-for-gradients-handed-in-alone",
        "spots are made for the inputs whose gradients are handed in, and for no others",
        "Of two inputs, one has None for its gradient. Who keeps the gradient of that one, and who keeps the other's?",
        ("if handed_in is None:", "if handed_in is not None:"),
    ),
    mistake(
        "add_operation",
        "no-spots",
        "no spots are made in the buffer",
        "Where will backward put the gradient of an input that has None, if nobody has made a place for it?",
        (SPOTS, ""),
    ),
    mistake(
        "add_operation",
        "spot-of-the-first-input",
        "the first input gets a spot, and the others get none",
        "Record a sum of two arrays, and ask the buffer for both. Which of them does your loop reach?",
        ("in zip(inputs, gradients_to_update, strict=True)", "in [(inputs[0], gradients_to_update[0])]"),
    ),
    mistake(
        "add_operation",
        "spot-for-the-output",
        "the output gets a spot, and the inputs get none",
        "The gradients of which arrays will this entry's function return one day?",
        ("self.gradient_buffer.add_spot(array)", "self.gradient_buffer.add_spot(output)"),
    ),
    mistake(
        "add_operation",
        "spot-emptied",
        "an array that has a spot gets an empty one in its place",
        "Which method of the buffer makes a spot only where there is none? An array may go into several operations.",
        (
            "self.gradient_buffer.add_spot(array)",
            "self.gradient_buffer.memory[self.gradient_buffer.get_memory_loc(array)] = np.zeros_like(array)",
        ),
    ),
    mistake(
        "add_operation",
        "spots-up-to-the-first-gradient-handed-in",
        "the walk over the inputs ends at the first one whose gradient is handed in",
        "Record with W first and x second. What does your loop do once it has met a gradient that is handed in?",
        (
            "            self.gradient_buffer.add_spot(array)",
            "            self.gradient_buffer.add_spot(array)\n        else:\n            break",
        ),
    ),
    mistake(
        "add_operation",
        "new-tape-each-time",
        "each call begins a new tape",
        "Call it twice and look at operation_list. What became of the first entry?",
        (APPEND, "    self.operation_list = [Operation(*arguments)]"),
    ),
    mistake(
        "add_operation",
        "entry-in-front",
        "a new entry goes to the front of the tape",
        "The tape is read from its end, and the last operation must come first then. At which end of the list does yours stand?",
        (APPEND, "    self.operation_list.insert(0, Operation(*arguments))"),
    ),
    mistake(
        "add_operation",
        "entry-for-each-input",
        "an entry is written down for each input, and not for each operation",
        "Record one product of two arrays. How many entries does that make, and inside of which loop does append stand?",
        (SPOTS, ""),
        (
            APPEND,
            "    for array, handed_in in zip(inputs, gradients_to_update, strict=True):\n"
            "        if handed_in is None:\n"
            "            self.gradient_buffer.add_spot(array)\n"
            "        self.operation_list.append(Operation(*arguments))",
        ),
    ),
    mistake(
        "add_operation",
        "no-entry-with-gradients-handed-in",
        "what has gradients handed in is not written down",
        "Record an operation with a weight, and count the entries. Under which condition do you append?",
        (APPEND, "    if all(own is None for own in gradients_to_update):\n        self.operation_list.append(Operation(*arguments))"),
    ),
    mistake(
        "add_operation",
        "inputs-copied",
        "copies of the inputs stand on the tape",
        "A copy has the same numbers. Has it the same address, by which the buffer will look for it?",
        ("arguments = list(inputs)", "arguments = [array.copy() for array in inputs]"),
    ),
    mistake(
        "add_operation",
        "gradients-copied",
        "copies of the gradients that are handed in stand on the tape",
        "The layer will look into its own dW after backward. Into which array is added, if your entry holds another one?",
        ("list(gradients_to_update)", "[None if own is None else own.copy() for own in gradients_to_update]"),
    ),
    mistake(
        "add_operation",
        "zeros-for-none",
        "zeros take the place of None among the gradients",
        "None says that the buffer keeps a gradient. What will backward take your zeros for?",
        ("list(gradients_to_update)", "[np.zeros_like(a) if own is None else own for a, own in zip(inputs, gradients_to_update)]"),
    ),
    mistake(
        "add_operation",
        "lists-of-the-caller",
        "the caller's own lists stand on the tape",
        "What would your entry hold if the caller emptied the list of inputs, and filled it for the next operation?",
        ("list(inputs), output, list(gradients_to_update)", "inputs, output, gradients_to_update"),
    ),
    mistake(
        "add_operation",
        "ends-exchanged",
        "the output stands where the inputs belong, and they where it belongs",
        "In which order does Operation take its four arguments? Its docstring lists them.",
        ("list(inputs), output, list", "[output], inputs[0], list"),
    ),
]

GRADIENTS_OF_ONE = """        if not isinstance(gradients, tuple | list):
            gradients = [gradients]  # of a single input, without brackets
"""
DIVERGENCE = """    buffer.add_spot(last)
    buffer.set_param(last, divergence)
"""
UNUSED = """        if not buffer.is_in_memory(entry.outputs):
            continue  # nobody has used this output
"""
PAIRS = """        for array, handed_in, gradient in zip(
            entry.inputs, entry.gradients_to_update, gradients, strict=True
        ):
"""
BACK = "buffer.update_param(array, gradient)"
IN_PLACE = "                handed_in += gradient"

BACKWARD = [
    mistake(
        "backward",
        "walk-from-the-beginning",
        "the tape is walked from its beginning",
        "Three entries follow one another. Of which output is the gradient known before you begin?",
        ("in reversed(self.operation_list)", "in self.operation_list"),
    ),
    mistake(
        "backward",
        "walked-twice",
        "the tape is walked twice",
        "Count how often each entry's function is called: does anything come back more than once?",
        ("in reversed(self.operation_list)", "in 2 * self.operation_list[::-1]"),
    ),
    mistake(
        "backward",
        "first-entry-left-out",
        "the walk ends before the first entry",
        "Down to which index does your walk go? Write the numbers out for a tape of two.",
        ("in reversed(self.operation_list)", "in self.operation_list[:0:-1]"),
    ),
    mistake(
        "backward",
        "last-entry-alone",
        "only the last entry is taken back",
        "The gradients of the last entry's inputs are known now. Who passes them on to what came before?",
        ("in reversed(self.operation_list)", "in self.operation_list[-1:]"),
    ),
    mistake(
        "backward",
        "called-for-each-input",
        "an entry's function is called once for each of its inputs",
        "How often is each backward_operation called? It returns the gradients of all inputs at once.",
        (
            PAIRS,
            """        for place, (array, handed_in) in enumerate(
            zip(entry.inputs, entry.gradients_to_update, strict=True)
        ):
            again = (
                gradients
                if place == 0
                else entry.backward_operation(grad_output, *entry.inputs)
            )
            gradient = again[place]
""",
        ),
    ),
    mistake(
        "backward",
        "bare-gradient-by-index",
        "the gradient of an input is looked up by a number, in a bare array as well",
        "Let a function of one input return an array of shape (1, 3). Which row of it do you take, and what about shape (3, 3)?",
        (GRADIENTS_OF_ONE, ""),
        (
            PAIRS,
            """        for place, (array, handed_in) in enumerate(
            zip(entry.inputs, entry.gradients_to_update, strict=True)
        ):
            gradient = gradients[place]
""",
        ),
    ),
    mistake(
        "backward",
        "list-taken-for-a-bare-gradient",
        "a list of gradients is taken for a single gradient",
        "A function may return its gradients as a tuple or as a list. What do you do with each of the two?",
        ("isinstance(gradients, tuple | list)", "isinstance(gradients, tuple)"),
    ),
    mistake(
        "backward",
        "loop-variable-twice",
        "one variable counts entries and inputs, so that gradients are handed in to the wrong operation",
        "Two loops, one inside the other: which variable counts entries, which inputs, and is it the same letter?",
        (
            PAIRS,
            """        for i, (array, gradient) in enumerate(zip(entry.inputs, gradients, strict=True)):
            own = self.operation_list[i % len(self.operation_list)].gradients_to_update
            handed_in = own[i % len(own)]
            if handed_in is None:
                buffer.add_spot(array)
            elif handed_in.shape != gradient.shape:
                continue
""",
        ),
    ),
    mistake(
        "backward",
        "spot-overwritten",
        "what comes to an array's spot takes the place of what stood there",
        "Let x go into two entries. How many contributions does its gradient have, and how many are left?",
        (BACK, "buffer.set_param(array, gradient)"),
    ),
    mistake(
        "backward",
        "gradient-kept-as-it-came",
        "the first gradient that comes to an array is put into its spot itself, no copy, and later ones are added to it",
        "A function may return one and the same array for both inputs. What happens to one spot when the other is added to?",
        (
            BACK,
            """key = buffer.get_memory_loc(array)
                if buffer.memory[key].any():
                    buffer.memory[key] += gradient
                else:
                    buffer.memory[key] = np.asarray(gradient)""",
        ),
    ),
    mistake(
        "backward",
        "buffer-cleared",
        "the buffer is cleared at the end",
        "Whoever calls backward wants to look at gradients afterwards. What is left in the buffer then?",
        (IN_PLACE, IN_PLACE + "\n    buffer.clear()"),
    ),
    mistake(
        "backward",
        "spot-forgotten-after-use",
        "the gradient of an output is forgotten as soon as it was used",
        "The gradients on the way belong to what backward leaves behind as well. Which spots are missing at its end?",
        (
            "        gradients = entry.backward_operation(grad_output, *entry.inputs)",
            "        del buffer.memory[buffer.get_memory_loc(entry.outputs)]\n"
            "        gradients = entry.backward_operation(grad_output, *entry.inputs)",
        ),
    ),
    mistake(
        "backward",
        "handed-in-overwritten",
        "a gradient that was handed in is overwritten, and not added to",
        "Suppose that dW holds something before backward, or that one W stands in two entries. What should be in dW at the end?",
        (IN_PLACE, "                handed_in[...] = gradient"),
    ),
    mistake(
        "backward",
        "handed-in-by-another-array",
        "the sum of what was handed in and the gradient is a new array, which nobody keeps",
        "Look at dW after backward. Which array has your plus sign changed: the layer's, or one that only your loop knew?",
        (IN_PLACE, "                handed_in = handed_in + gradient"),
    ),
    mistake(
        "backward",
        "divergence-ignored",
        "the walk begins with ones, whatever divergence is",
        "Call backward with 2 instead of 1. What must happen to all gradients?",
        ("buffer.set_param(last, divergence)", "buffer.set_param(last, np.ones_like(last))"),
    ),
    mistake(
        "backward",
        "divergence-summed",
        "all entries of the divergence are added up before the walk",
        "The divergence has an entry for each entry of the output. Does each keep its own place in your walk?",
        ("buffer.set_param(last, divergence)", "buffer.set_param(last, np.sum(divergence) / np.size(divergence))"),
    ),
    mistake(
        "backward",
        "output-for-divergence",
        "the walk begins with the value of the last output",
        "Is the gradient of the last output the number that it is, or the number that backward is given?",
        ("buffer.set_param(last, divergence)", "buffer.set_param(last, last)"),
    ),
    mistake(
        "backward",
        "divergence-for-every-entry",
        "each entry is given the divergence",
        "The divergence is the gradient of one output. Where is the gradient of the output of the entry before?",
        ("grad_output = buffer.get_param(entry.outputs)", "grad_output = buffer.get_param(last)"),
    ),
    mistake(
        "backward",
        "unused-outputs-not-thought-of",
        "the gradient of an output is looked up even where no entry has used the output",
        "Record something twice and use one of the two. What does the buffer know of the other one's output?",
        (UNUSED, ""),
    ),
    mistake(
        "backward",
        "stops-at-an-unused-output",
        "the walk ends at an output that nobody has used",
        "An entry in the middle of the tape has nothing to pass on. What about the entries before it?",
        ("continue  # nobody has used this output", "break"),
    ),
    mistake(
        "backward",
        "ones-for-an-unused-output",
        "an output that nobody has used counts as if it were the end of the tape",
        "How much does the last output grow, if an output grows that nobody has used?",
        (UNUSED, ""),
        (
            "grad_output = buffer.get_param(entry.outputs)",
            "used = buffer.is_in_memory(entry.outputs)\n"
            "        grad_output = buffer.get_param(entry.outputs) if used else np.ones_like(entry.outputs)",
        ),
    ),
    mistake(
        "backward",
        "first-input-alone",
        "the gradient of the first input is used, and those of the others are lost",
        "The function of a sum returns two gradients. For which inputs does your inner loop have a turn?",
        ("entry.inputs, entry.gradients_to_update, gradients, strict=True", "entry.inputs[:1], entry.gradients_to_update, gradients"),
    ),
]

SUB = "return unbroadcast(grad_output, a.shape), unbroadcast(-grad_output, b.shape)"

SUB_BACKWARD = [
    mistake(
        "sub_backward",
        "sign-forgotten",
        "the gradient of b has the sign of a's",
        "What happens to a - b when b grows?",
        ("unbroadcast(-grad_output, b.shape)", "unbroadcast(grad_output, b.shape)"),
    ),
    mistake(
        "sub_backward",
        "both-negative",
        "both gradients have a minus sign",
        "What happens to a - b when a grows?",
        ("unbroadcast(grad_output, a.shape)", "unbroadcast(-grad_output, a.shape)"),
    ),
    mistake(
        "sub_backward",
        "signs-exchanged",
        "the minus sign stands at the gradient of a",
        "Your two signs are different, which is a good idea. Which of the two arrays is taken away?",
        (SUB, "return unbroadcast(-grad_output, a.shape), unbroadcast(grad_output, b.shape)"),
    ),
    mistake(
        "sub_backward",
        "times-the-numbers",
        "the gradient of a is multiplied with a",
        "By how much does a - b grow if an entry of a grows by one? Does that depend on how large it is?",
        ("unbroadcast(grad_output, a.shape)", "unbroadcast(grad_output * a, a.shape)"),
    ),
    mistake(
        "sub_backward",
        "unreduced",
        "gradients have the shape of the difference, even where an array was broadcast",
        "Let b be a row that is taken from every row of a. Which shape has your second gradient, and which has b?",
        (SUB, "return grad_output, -grad_output"),
    ),
    mistake(
        "sub_backward",
        "mean-over-copies",
        "the gradient of what was broadcast is a mean over its copies",
        "A row that was broadcast is used several times. Are the contributions of its uses added, or averaged?",
        (
            SUB,
            "of_a, of_b = unbroadcast(grad_output, a.shape), unbroadcast(-grad_output, b.shape)\n"
            "    return of_a * (a.size / grad_output.size), of_b * (b.size / grad_output.size)",
        ),
    ),
    mistake(
        "sub_backward",
        "first-axis-alone",
        "only an axis that an array does not have is summed, not one of length one",
        "Compare what you do for b of shape (3,) and for b of shape (1, 3), which is stretched just as well.",
        (
            "unbroadcast(-grad_output, b.shape)",
            "-grad_output.sum(axis=tuple(range(grad_output.ndim - b.ndim)))",
        ),
    ),
    mistake(
        "sub_backward",
        "in-place",
        "grad_output itself is negated",
        "To whom does the array grad_output belong, and what will they find in it when you are done?",
        (
            SUB,
            "of_a = unbroadcast(grad_output, a.shape).copy()\n"
            "    np.negative(grad_output, out=grad_output)\n"
            "    return of_a, unbroadcast(grad_output, b.shape).copy()",
        ),
    ),
]

MATMUL = "return grad_output @ b.T, a.T @ grad_output"

MATMUL_BACKWARD = [
    mistake(
        "matmul_backward",
        "a-transposed",
        "the gradient of a is transposed",
        "Compare the shape of your first gradient with that of a, and mind what happens where a is square.",
        (MATMUL, "return b @ grad_output.T, a.T @ grad_output"),
    ),
    mistake(
        "matmul_backward",
        "b-transposed",
        "the gradient of b is transposed",
        "Compare the shape of your second gradient with that of b, and mind what happens where b is square.",
        (MATMUL, "return grad_output @ b.T, grad_output.T @ a"),
    ),
    mistake(
        "matmul_backward",
        "swapped",
        "the gradient of b is returned first",
        "Two gradients, both right: which of them has the shape of a?",
        (MATMUL, "return a.T @ grad_output, grad_output @ b.T"),
    ),
    mistake(
        "matmul_backward",
        "not-turned",
        "the other matrix is multiplied as it is, where it should be turned",
        "Write the shapes of the two factors of each product under each other: do inner sizes meet by more than luck?",
        (
            MATMUL,
            "turned = [m if m.shape[0] == m.shape[1] else m.T for m in (a, b)]\n"
            "    return grad_output @ turned[1], turned[0] @ grad_output",
        ),
    ),
    mistake(
        "matmul_backward",
        "reshaped-for-turned",
        "b is reshaped where it should be turned",
        "reshape and .T give the same shape. Do they give the same matrix? Try it on [[1, 2, 3], [4, 5, 6]].",
        ("grad_output @ b.T", "grad_output @ b.reshape(b.shape[::-1])"),
    ),
    mistake(
        "matmul_backward",
        "mean-over-the-rows",
        "the gradient of b is divided by the number of rows",
        "Each row of a uses all of b. Is a mean taken anywhere in a @ b?",
        ("a.T @ grad_output", "a.T @ grad_output / len(a)"),
    ),
    mistake(
        "matmul_backward",
        "second-forgotten",
        "the gradient of b is zero",
        "Would a @ b stay as it is, if b changed?",
        ("a.T @ grad_output", "np.zeros_like(b)"),
    ),
    mistake(
        "matmul_backward",
        "double-precision",
        "the gradients are in double precision, whatever comes in",
        "What is the dtype of your gradients where all arrays are in float32? Which step changes it?",
        (MATMUL, "return np.dot(grad_output, b.T.astype(float)), np.dot(a.T.astype(float), grad_output)"),
    ),
]

MUL = "return unbroadcast(grad_output * b, a.shape), unbroadcast(grad_output * a, b.shape)"

MUL_BACKWARD = [
    mistake(
        "mul_backward",
        "swapped",
        "each array's own numbers stand in its gradient",
        "Take 2 * 5. If the 2 grows by one, by how much does the product grow?",
        (MUL, "return unbroadcast(grad_output * a, a.shape), unbroadcast(grad_output * b, b.shape)"),
    ),
    mistake(
        "mul_backward",
        "slopes-alone",
        "the slopes are returned, and grad_output is left out",
        "Your slopes are those of a product. Where does the gradient of the output enter?",
        (MUL, "ones = np.ones_like(grad_output)\n    return unbroadcast(ones * b, a.shape), unbroadcast(ones * a, b.shape)"),
    ),
    mistake(
        "mul_backward",
        "a-without-grad-output",
        "the gradient of a has no grad_output in it",
        "Both of your gradients should grow with grad_output. Do they?",
        ("unbroadcast(grad_output * b, a.shape)", "unbroadcast(np.ones_like(grad_output) * b, a.shape)"),
    ),
    mistake(
        "mul_backward",
        "product-for-b",
        "the gradient of b has the product itself for a slope",
        "The slope of 2 b at b = 5: is that 10?",
        ("unbroadcast(grad_output * a, b.shape)", "unbroadcast(grad_output * a * b, b.shape)"),
    ),
    mistake(
        "mul_backward",
        "unreduced",
        "the gradient of b is not summed where b was broadcast",
        "A column b of shape (2, 1) is stretched over three columns of a. How many contributions does each of its entries get?",
        ("unbroadcast(grad_output * a, b.shape)", "grad_output * a"),
    ),
    mistake(
        "mul_backward",
        "reduced-before",
        "grad_output is summed over the copies before it is multiplied",
        "Is the sum of products the product of the sums? Take a row b that is stretched over two different rows of a.",
        (
            "unbroadcast(grad_output * a, b.shape)",
            "unbroadcast(np.broadcast_to(unbroadcast(grad_output, b.shape), grad_output.shape) * a, b.shape)"
            " * (b.size / max(grad_output.size, 1))",
        ),
    ),
    mistake(
        "mul_backward",
        "in-place",
        "grad_output is multiplied in place, and then used once more",
        "After *= on grad_output: what does the second product start from?",
        (MUL, "grad_output *= b\n    return unbroadcast(grad_output, a.shape).copy(), unbroadcast(grad_output * a, b.shape)"),
    ),
    mistake(
        "mul_backward",
        "double-precision",
        "the gradients go through an array in double precision",
        "np.ones(shape) has a dtype of its own. Which one do your gradients have, where everything else is in float32?",
        (MUL, "up = grad_output * np.ones(grad_output.shape)\n    return unbroadcast(up * b, a.shape), unbroadcast(up * a, b.shape)"),
    ),
]

DIV = "return unbroadcast(of_a, a.shape), unbroadcast(-of_a * a / b, b.shape)"

DIV_BACKWARD = [
    mistake(
        "div_backward",
        "sign",
        "the gradient of b has the wrong sign",
        "Six by two, six by three: does a quotient grow or shrink with its denominator?",
        ("-of_a * a / b", "of_a * a / b"),
    ),
    mistake(
        "div_backward",
        "square-forgotten",
        "the gradient of b is divided by b once, and not twice",
        "Write the quotient as a times a power of b. Which exponent has the derivative of that power?",
        ("-of_a * a / b", "-of_a * a"),
    ),
    mistake(
        "div_backward",
        "numerator-forgotten",
        "the gradient of b does not depend on a",
        "What comes back to b where a is zero?",
        ("-of_a * a / b", "-of_a / b"),
    ),
    mistake(
        "div_backward",
        "like-a-product",
        "the gradient of a is multiplied with b, and not divided by it",
        "Half of a: how fast does it grow with a? Is that 2?",
        (DIV, "return unbroadcast(grad_output * b, a.shape), unbroadcast(-of_a * a / b, b.shape)"),
    ),
    mistake(
        "div_backward",
        "swapped",
        "the gradient of b comes first",
        "One of your results has a minus sign in it. Whose gradient is that, and where should it stand?",
        (DIV, "return unbroadcast(-of_a * a / b, a.shape), unbroadcast(of_a, b.shape)"),
    ),
    mistake(
        "div_backward",
        "unreduced",
        "gradients keep the shape of the quotient where an array was broadcast",
        "Divide a matrix by one number. Your second gradient should be one number, too: what is it instead?",
        (DIV, "return of_a, -of_a * a / b"),
    ),
    mistake(
        "div_backward",
        "guarded",
        "a small number is added to the denominator",
        "What does your formula make of 1 / 2, to ten digits? A denominator that is away from zero needs no protection.",
        ("of_a = grad_output / b", "b = b + 1e-7\n    of_a = grad_output / b"),
    ),
    mistake(
        "div_backward",
        "in-place",
        "grad_output is divided in place",
        "Your gradients are right. In what state do you leave the array that came in?",
        ("of_a = grad_output / b", "grad_output /= b\n    of_a = grad_output"),
    ),
]

LOG_BACKWARD = [
    mistake(
        "log_backward",
        "grad-output-forgotten",
        "the slope of the logarithm is returned alone",
        "With ones for grad_output your gradient is right. Where is grad_output in it?",
        ("grad_output / a", "1 / a"),
    ),
    mistake(
        "log_backward",
        "multiplied",
        "grad_output is multiplied with a",
        "A logarithm grows more and more slowly. Does your slope become smaller with a?",
        ("grad_output / a", "grad_output * a"),
    ),
    mistake(
        "log_backward",
        "square",
        "the slope has the square of a under the line",
        "The derivative of which function is 1 / a², and of which is 1 / a?",
        ("grad_output / a", "grad_output / a**2"),
    ),
    mistake(
        "log_backward",
        "divided-by-the-logarithm",
        "grad_output is divided by the value of the logarithm",
        "At a = 1 the logarithm is 0. Is it infinitely steep there?",
        ("grad_output / a", "grad_output / np.log(a)"),
    ),
    mistake(
        "log_backward",
        "guarded",
        "a tiny number is added to a",
        "At a billionth, the slope is a billion. What is yours, to ten digits?",
        ("grad_output / a", "grad_output / (a + 1e-12)"),
    ),
    mistake(
        "log_backward",
        "upside-down",
        "a is divided by grad_output",
        "What comes back should grow with what comes in. Which of the two stands under the line?",
        ("grad_output / a", "a / grad_output / a**2"),
    ),
    mistake(
        "log_backward",
        "in-place",
        "a itself is turned upside down",
        "You write the reciprocal into an array. Into whose?",
        ("return grad_output / a", "np.reciprocal(a, out=a)\n    return grad_output * a"),
    ),
]

EXP_BACKWARD = [
    mistake(
        "exp_backward",
        "grad-output-forgotten",
        "the slope of the exponential is returned alone",
        "The exponential is its own slope. And what is it to be multiplied with, on the way back?",
        ("grad_output * np.exp(a)", "np.exp(a)"),
    ),
    mistake(
        "exp_backward",
        "sign-in-the-exponent",
        "the exponent has a minus sign",
        "Does the exponential become steeper or flatter to the right?",
        ("np.exp(a)", "np.exp(-a)"),
    ),
    mistake(
        "exp_backward",
        "power-rule",
        "the power rule is applied to the exponential",
        "In aⁿ the base changes, and in eᵃ the exponent. Which rule belongs to which?",
        ("np.exp(a)", "a * np.exp(a - 1)"),
    ),
    mistake(
        "exp_backward",
        "one-less",
        "1 is subtracted from the slope",
        "How steep is the exponential at 0?",
        ("np.exp(a)", "np.expm1(a)"),
    ),
    mistake(
        "exp_backward",
        "of-grad-output",
        "the exponential of grad_output is multiplied with a",
        "Of which array do you take the exponential: of what went in, or of what comes back?",
        ("grad_output * np.exp(a)", "np.exp(grad_output) * a"),
    ),
    mistake(
        "exp_backward",
        "in-place",
        "the exponential is written over a",
        "np.exp has an argument out. What becomes of the array that is given there?",
        ("np.exp(a)", "np.exp(a, out=a)"),
    ),
]

OUTER = "return grad_output @ b, a @ grad_output"

OUTER_BACKWARD = [
    mistake(
        "outer_backward",
        "swapped",
        "the two gradients change places",
        "How many entries has each of your gradients, and how many have a and b?",
        (OUTER, "return a @ grad_output, grad_output @ b"),
    ),
    mistake(
        "outer_backward",
        "rows-summed",
        "the gradient of a is a sum over each row of grad_output, without b",
        "An entry of a stands in a whole row of the output. With which factor does it stand at each place?",
        ("grad_output @ b", "grad_output.sum(axis=1)"),
    ),
    mistake(
        "outer_backward",
        "columns-summed",
        "the gradient of b is a sum over each column of grad_output, without a",
        "An entry of b stands in a whole column of the output. Does every row of that column count alike?",
        ("a @ grad_output", "grad_output.sum(axis=0)"),
    ),
    mistake(
        "outer_backward",
        "columns-not-vectors",
        "the gradient of a is a column, (n, 1)",
        "The numbers of your first gradient are right. Has it the shape of a?",
        ("grad_output @ b", "grad_output @ b[:, None]"),
    ),
    mistake(
        "outer_backward",
        "mean",
        "the gradient of b is a mean over the rows",
        "Add two contributions of 3. Is that 6, or 3?",
        ("a @ grad_output", "a @ grad_output / len(a)"),
    ),
    mistake(
        "outer_backward",
        "in-place",
        "a is multiplied into the rows of grad_output itself",
        "You multiply each row of an array with a number, and keep no copy. Who else looks at that array?",
        (OUTER, "of_a = grad_output @ b\n    grad_output *= a[:, None]\n    return of_a, grad_output.sum(axis=0)"),
    ),
    mistake(
        "outer_backward",
        "double-precision",
        "the sums are in double precision",
        "np.zeros makes float64. What is the dtype of what you add up in it, where all arrays are in float32?",
        (
            OUTER,
            "of_a, of_b = np.zeros(len(a)), np.zeros(len(b))\n"
            "    for row, number in enumerate(a):\n"
            "        of_a[row] = grad_output[row] @ b\n"
            "        of_b += number * grad_output[row]\n"
            "    return of_a, of_b",
        ),
    ),
]

PRODUCT = "record([x, self.W.T], product, [None, self.dW.T], matmul_backward)"
SUM = "record([product, self.b.T], y, [None, self.db.T], add_backward)"

LINEAR = [
    mistake(
        "Linear",
        "weights-not-turned",
        "x is multiplied with W, and not with W turned, wherever the sizes allow it",
        "W is (out, in). Which entry of W connects input 2 with output 1, and which one does your product use where in = out?",
        ("product = x @ self.W.T", "product = x @ (self.W if self.W.shape[0] == self.W.shape[1] else self.W.T)"),
    ),
    mistake(
        "Linear",
        "bias-forgotten",
        "the bias is recorded, and never added",
        "What does your layer return for x = 0?",
        ("y = product + self.b.T", "y = product + 0 * self.b.T"),
    ),
    mistake(
        "Linear",
        "bias-down-the-rows",
        "the bias is added row by row where the sizes allow it",
        "b has a number for each output. Does every row of your result get the same numbers?",
        ("y = product + self.b.T", "y = product + (self.b if len(x) == len(self.b) else self.b.T)"),
    ),
    mistake(
        "Linear",
        "bias-added-in-place",
        "the bias is added to the product in place, so that an operation's output is its own input",
        "Which address has the output of your second entry, and which has its first input?",
        ("y = product + self.b.T", "y = product\n        y += self.b.T"),
    ),
    mistake(
        "Linear",
        "gradient-of-x-lost",
        "the gradient of x is handed in to an array that nobody keeps",
        "Which two kinds of gradients does the tape know? Of which kind is that of x?",
        ("[None, self.dW.T]", "[np.zeros_like(x), self.dW.T]"),
    ),
    mistake(
        "Linear",
        "dW-in-the-buffer",
        "the gradient of W goes into the buffer, and dW stays as it is",
        "After backward somebody wants to train, and looks into dW. Who puts anything there?",
        ("[None, self.dW.T]", "[None, None]"),
    ),
    mistake(
        "Linear",
        "db-in-the-buffer",
        "the gradient of b goes into the buffer, and db stays as it is",
        "b is a parameter as W is. What did you hand in for W, and what for b?",
        ("[None, self.db.T]", "[None, None]"),
    ),
    mistake(
        "Linear",
        "db-of-all-outputs",
        "each entry of db gets the sum over the whole gradient",
        "Over which axis does b stay the same, and over which does it change? Sum over one of the two.",
        (SUM, "record([product, self.b.T], y, [None, self.db.T], lambda g, h, b: (g, np.full_like(b, g.sum())))"),
    ),
    mistake(
        "Linear",
        "db-of-the-first-row",
        "db gets the gradient of the first row of the batch, and no others",
        "Every row of the batch uses the bias. Whose contributions are in db?",
        (SUM, "record([product, self.b.T], y, [None, self.db.T], lambda g, h, b: (g, g[:1]))"),
    ),
    mistake(
        "Linear",
        "dW-a-mean",
        "dW gets a mean over the batch",
        "Twice the same row in a batch: must the gradient of W be twice as large, or the same?",
        (PRODUCT, "record([x, self.W.T], product, [None, self.dW.T], lambda g, x, w: (g @ w.T, x.T @ g / len(x)))"),
    ),
    mistake(
        "Linear",
        "bias-not-recorded",
        "the second operation is not recorded",
        "Which array does your layer return, and which entry of the tape has it as its output?",
        (f"        {SUM}\n", ""),
    ),
    mistake(
        "Linear",
        "gradients-emptied",
        "forward empties dW and db",
        "Gradients of two batches may be added up before a step. Who decides when dW begins at zero again?",
        ("record = self", "self.zero_grad()\n        record = self"),
    ),
    mistake(
        "Linear",
        "new-gradients",
        "forward gives the layer new arrays for dW and db",
        "Somebody may hold the array dW since before. Is it the one that your entry adds to?",
        ("record = self", "self.dW, self.db = self.dW.copy(), self.db.copy()\n        record = self"),
    ),
    mistake(
        "Linear",
        "double-precision",
        "the output is in double precision, whatever the input",
        "All of x, W and b are in float32. Which step of your forward makes float64 of them?",
        ("y = product + self.b.T", "y = product + self.b.T.astype(float)"),
    ),
    mistake(
        "Linear",
        "gradient-of-x-a-mean",
        "the gradient of x is divided by the number of rows",
        "Each row of x has a row of the output of its own. Does its gradient depend on how many others there are?",
        (PRODUCT, "record([x, self.W.T], product, [None, self.dW.T], lambda g, x, w: (g @ w.T / len(x), x.T @ g))"),
    ),
    mistake(
        "Linear",
        "nothing-recorded",
        "nothing is recorded",
        "Your output is right. From where should the tape know how it came about?",
        (f"        {PRODUCT}\n", ""),
        (f"        {SUM}\n", ""),
    ),
    mistake(
        "Linear",
        "product-not-recorded",
        "the product is not recorded",
        "The second entry has the product among its inputs. Which entry has it as its output?",
        (f"        {PRODUCT}\n", ""),
    ),
    mistake(
        "Linear",
        "dW-not-turned",
        "dW is handed in as it is, for W turned",
        "What comes back for the second input has the shape of W turned. Has dW that shape?",
        ("self.dW.T", "self.dW"),
    ),
    mistake(
        "Linear",
        "inputs-turned-round",
        "the inputs of the product are recorded in the wrong order, W first",
        "The backward function is called with the inputs in the order in which you record them. Which order does a @ b ask for?",
        (PRODUCT, "record([self.W.T, x], product, [self.dW.T, None], matmul_backward)"),
    ),
    mistake(
        "Linear",
        "db-over-the-wrong-axis",
        "the gradient of b is summed over the outputs, and not over the batch",
        "b has a number for each output, and each row of the batch uses all of them. Along which axis are there many uses of one number?",
        (SUM, "record([product, self.b.T], y, [None, self.db.T], lambda g, h, b: (g, g.sum(axis=1, keepdims=True).T))"),
    ),
]

IDENTITY = [
    mistake(
        "Identity",
        "the-same-array",
        "the input itself is recorded as the output",
        "Which address has your output, and which has x? The buffer has one spot for both.",
        ("y = x.copy()", "y = x"),
    ),
    mistake(
        "Identity",
        "ones-come-back",
        "ones come back, whatever comes in",
        "The slope of this layer is 1. With what is it multiplied on the way back?",
        ("grad_output, x: grad_output", "grad_output, x: np.ones_like(grad_output)"),
    ),
    mistake(
        "Identity",
        "input-comes-back",
        "the input is handed back for a gradient",
        "A backward function gets two arrays. Which of them is a gradient?",
        ("grad_output, x: grad_output", "grad_output, x: x"),
    ),
    mistake(
        "Identity",
        "nothing-recorded",
        "a copy is returned, and nothing is recorded",
        "How does the tape know that your copy has anything to do with x?",
        ("self.autograd_engine.add_operation(\n            [x], y, [None], lambda grad_output, x: grad_output\n        )\n        ", ""),
    ),
    mistake(
        "Identity",
        "gradient-lost",
        "the gradient is handed in to an array that nobody keeps",
        "This layer has no parameters. What belongs into gradients_to_update then?",
        ("[x], y, [None], ", "[x], y, [np.zeros_like(x)], "),
    ),
    mistake(
        "Identity",
        "sizes-of-one-dropped",
        "axes of length one are dropped",
        "Give it a batch of one row. What is the shape of what it returns?",
        ("y = x.copy()", "y = x.squeeze().copy()"),
    ),
    mistake(
        "Identity",
        "rounded",
        "the output is an array of whole numbers",
        "Put 0.5 in. What comes out, and what is the dtype of your new array?",
        ("y = x.copy()", "y = np.trunc(x)"),
    ),
    mistake(
        "Identity",
        "double-precision",
        "the output is in double precision, whatever comes in",
        "Your copy should be like x in every respect. In which one is it not, where x is in float32?",
        ("y = x.copy()", "y = np.array(x, dtype=float)"),
    ),
]

SLOPE_OF_SIGMOID = "return grad_output * y * (1 - y)"

SIGMOID = [
    mistake(
        "Sigmoid",
        "grad-output-forgotten",
        "what comes in from above is not used in the backward function",
        "Let 2 come in instead of 1: what must happen to what comes back?",
        (SLOPE_OF_SIGMOID, "return y * (1 - y)"),
    ),
    mistake(
        "Sigmoid",
        "half-of-the-slope",
        "the slope is the value itself",
        "Far to the right the value is 1. Is the curve steep there?",
        (SLOPE_OF_SIGMOID, "return grad_output * y"),
    ),
    mistake(
        "Sigmoid",
        "slope-of-the-input",
        "the formula for the slope is applied to x",
        "y (1 - y) is a formula in y. What does yours contain?",
        (SLOPE_OF_SIGMOID, "return grad_output * x * (1 - x)"),
    ),
    mistake(
        "Sigmoid",
        "twice",
        "the slope is computed from the sigmoid of the value",
        "How often is the sigmoid applied, before your formula for the slope is?",
        (SLOPE_OF_SIGMOID, "s = 1 / (1 + np.exp(-y))\n            return grad_output * s * (1 - s)"),
    ),
    mistake(
        "Sigmoid",
        "turned-round",
        "the exponent has the wrong sign",
        "Is your value near 1 for large positive x, or for large negative x?",
        ("np.exp(-np.logaddexp(0, -x))", "np.exp(-np.logaddexp(0, x))"),
    ),
    mistake(
        "Sigmoid",
        "overflows",
        "infinity is divided by infinity where x is large",
        "What is exp(1000) in floating point? Which of your two exponentials is it?",
        ("y = np.exp(-np.logaddexp(0, -x))", "y = np.exp(x) / (1 + np.exp(x))"),
    ),
    mistake(
        "Sigmoid",
        "clipped",
        "x is cut off at ±10",
        "How far from 0 and 1 is your value at ±1000, to ten digits? Where does your formula stop following x?",
        ("y = np.exp(-np.logaddexp(0, -x))", "y = 1 / (1 + np.exp(-np.clip(x, -10, 10)))"),
    ),
    mistake(
        "Sigmoid",
        "input-changed",
        "x is negated in place",
        "Print x before and after forward. Are these the same numbers?",
        ("y = np.exp(-np.logaddexp(0, -x))", "x *= -1\n        y = np.exp(-np.logaddexp(0, x))"),
    ),
    mistake(
        "Sigmoid",
        "grad-output-changed",
        "the slope is multiplied into grad_output itself",
        "The array that comes in stands in the buffer, as the gradient of y. What stands there when your function is done?",
        (SLOPE_OF_SIGMOID, "grad_output *= y * (1 - y)\n            return grad_output"),
    ),
    mistake(
        "Sigmoid",
        "value-kept-in-the-layer",
        "the layer remembers the value of its last call alone",
        "Use one layer twice on a tape. Which of the two values do both entries see, if it is kept in self?",
        ("        def sigmoid_backward", "        self.y = y\n\n        def sigmoid_backward"),
        (SLOPE_OF_SIGMOID, "return grad_output * self.y * (1 - self.y)"),
    ),
    mistake(
        "Sigmoid",
        "double-precision",
        "the gradient goes through ones in double precision",
        "1 - y keeps the dtype of y. Does what you have written instead?",
        (SLOPE_OF_SIGMOID, "return grad_output * y * (np.ones(y.shape) - y)"),
    ),
    mistake(
        "Sigmoid",
        "nothing-recorded",
        "nothing is recorded",
        "The values are right. Which entry leads from them back to x?",
        ("        self.autograd_engine.add_operation([x], y, [None], sigmoid_backward)\n", ""),
    ),
    mistake(
        "Sigmoid",
        "grad-output-for-x",
        "the sigmoid and its slope are computed from grad_output",
        "Two arrays come into your backward function. Of which of them is the sigmoid to be taken?",
        (SLOPE_OF_SIGMOID, "s = np.exp(-np.logaddexp(0, -grad_output))\n            return s * (1 - s)"),
    ),
    mistake(
        "Sigmoid",
        "another-output-recorded",
        "a copy of the output is recorded, and another array returned",
        "Whoever uses your output records the array that you returned. Is that the one on your tape?",
        ("[x], y, [None], sigmoid", "[x], y.copy(), [None], sigmoid"),
    ),
    mistake(
        "Sigmoid",
        "summed-over-the-batch",
        "what comes back is summed over the batch",
        "A bias is shared by all rows, and its gradient is a sum over them. Is x shared?",
        (SLOPE_OF_SIGMOID, "return (grad_output * y * (1 - y)).sum(axis=0)"),
    ),
]

SLOPE_OF_RELU = "return np.where(x > 0, grad_output, 0)"

RELU = [
    mistake(
        "ReLU",
        "sign-for-slope",
        "the slope is the sign of x",
        "What is the slope where x is negative: -1?",
        (SLOPE_OF_RELU, "return grad_output * np.sign(x)"),
    ),
    mistake(
        "ReLU",
        "everything-passes",
        "all of grad_output comes back, where x is negative as well",
        "Where x is negative, the output is 0. Does it change if x does?",
        (SLOPE_OF_RELU, "return grad_output"),
    ),
    mistake(
        "ReLU",
        "where-the-gradient-is-positive",
        "grad_output is cut off where it is negative itself",
        "Negative gradients must come back, too. On whose sign does the slope depend?",
        (SLOPE_OF_RELU, "return np.maximum(grad_output, 0) * (x > 0)"),
    ),
    mistake(
        "ReLU",
        "slope-alone",
        "zeros and ones come back, whatever comes in",
        "You return where x is positive. What comes back where a gradient of 5 arrives?",
        (SLOPE_OF_RELU, "return (x > 0).astype(x.dtype)"),
    ),
    mistake(
        "ReLU",
        "times-the-output",
        "grad_output is multiplied with the output",
        "At x = 3: does the output grow three times as fast as x?",
        (SLOPE_OF_RELU, "return grad_output * y"),
    ),
    mistake(
        "ReLU",
        "leaks",
        "a hundredth of what is negative passes",
        "What is max(-2, 0)? Some layers let a little through. This one does not.",
        ("y = np.maximum(x, 0)", "y = np.where(x > 0, x, x / 100)"),
    ),
    mistake(
        "ReLU",
        "absolute-value",
        "the output is the absolute value",
        "Of a negative number this layer leaves nothing. What does yours leave?",
        ("y = np.maximum(x, 0)", "y = np.abs(x)"),
    ),
    mistake(
        "ReLU",
        "quotient",
        "the slope is the output divided by the input",
        "Your slope is a quotient. What is it where both numbers are zero?",
        (SLOPE_OF_RELU, "return grad_output * y / x"),
    ),
    mistake(
        "ReLU",
        "input-changed",
        "what is negative is set to zero in x itself",
        "Which array do you write the zeros into? It belongs to whoever called you.",
        ("y = np.maximum(x, 0)", "positive = x > 0\n        x[~positive] = 0\n        y = x.copy()"),
        (SLOPE_OF_RELU, "return np.where(positive, grad_output, 0)"),
    ),
    mistake(
        "ReLU",
        "grad-output-changed",
        "zeros are written into grad_output itself",
        "You clear some entries of the array that came in, and hand it on. What does the buffer say of y's gradient then?",
        (SLOPE_OF_RELU, "grad_output[x <= 0] = 0\n            return grad_output"),
    ),
    mistake(
        "ReLU",
        "double-precision",
        "the mask of zeros and ones is in double precision",
        "np.where(x > 0, 1.0, 0.0) makes an array. Of which dtype, where x is in float32?",
        (SLOPE_OF_RELU, "return grad_output * np.where(x > 0, 1.0, 0.0)"),
    ),
    mistake(
        "ReLU",
        "mask-kept-in-the-layer",
        "the layer remembers the signs of its last call alone",
        "One layer, called with two batches on one tape: whose signs does the first entry look at?",
        ("        def relu_backward", "        self.mask = x > 0\n\n        def relu_backward"),
        (SLOPE_OF_RELU, "return np.where(self.mask, grad_output, 0)"),
    ),
    mistake(
        "ReLU",
        "nothing-recorded",
        "nothing is recorded",
        "max(x, 0) is computed. By whom will the way back from it be told?",
        ("        self.autograd_engine.add_operation([x], y, [None], relu_backward)\n", ""),
    ),
    mistake(
        "ReLU",
        "input-and-output-exchanged",
        "the output is recorded as the input, and x as the output",
        "Which array does a gradient arrive at first, on the way back? In your entry, is that the output?",
        ("[x], y, [None], ", "[y], x, [None], "),
    ),
    mistake(
        "ReLU",
        "kink-of-the-gradient",
        "the function of the way forward is used for the way back, on grad_output",
        "On the way back, what is kept and what is cut off? Compare an entry with x = 2 and one with x = -2, where -1 comes in.",
        (SLOPE_OF_RELU, "return np.maximum(grad_output, 0)"),
    ),
]

SLOPE_OF_TANH = "return grad_output * (1 - y * y)"

TANH = [
    mistake(
        "Tanh",
        "slope-of-the-input",
        "the formula for the slope is applied to x, and not to the value",
        "What is your slope at x = 3? The curve never goes down.",
        (SLOPE_OF_TANH, "return grad_output * (1 - x * x)"),
    ),
    mistake(
        "Tanh",
        "twice",
        "tanh is applied once more before the slope is computed",
        "In 1 - tanh²(z), which number belongs in the place of z: x, or the value?",
        (SLOPE_OF_TANH, "return grad_output * (1 - np.tanh(y) ** 2)"),
    ),
    mistake(
        "Tanh",
        "square-forgotten",
        "the value is not squared in the slope",
        "The curve is as steep at -1 as at 1. Is your slope the same at both?",
        (SLOPE_OF_TANH, "return grad_output * (1 - y)"),
    ),
    mistake(
        "Tanh",
        "grad-output-forgotten",
        "the slope comes back without what came in",
        "Nothing changes in what you return if all that comes in is doubled. Should it?",
        (SLOPE_OF_TANH, "return 1 - y * y"),
    ),
    mistake(
        "Tanh",
        "grad-output-inside",
        "grad_output stands inside of the bracket",
        "What should come back where 0 comes in?",
        (SLOPE_OF_TANH, "return 1 - grad_output * y * y"),
    ),
    mistake(
        "Tanh",
        "slope-of-sigmoid",
        "the slope is that of a sigmoid",
        "How steep is tanh at 0? And y (1 - y), where y is 0?",
        (SLOPE_OF_TANH, "return grad_output * y * (1 - y)"),
    ),
    mistake(
        "Tanh",
        "turned-round",
        "the value has the wrong sign",
        "In which order do the two exponentials stand above the line?",
        ("y = np.tanh(x)", "y = np.tanh(-x)"),
    ),
    mistake(
        "Tanh",
        "half-as-wide",
        "the 2 in front of x is forgotten, where a sigmoid takes the place of tanh",
        "2 σ(2x) - 1 has two twos. What does each of them do?",
        ("y = np.tanh(x)", "y = 2 / (1 + np.exp(-np.clip(x, -700, 700))) - 1"),
    ),
    mistake(
        "Tanh",
        "overflows",
        "infinity is divided by infinity far out",
        "What are exp(1000) and exp(-1000) in floating point, and what is their difference divided by their sum?",
        ("y = np.tanh(x)", "up, down = np.exp(x), np.exp(-x)\n        y = (up - down) / (up + down)"),
    ),
    mistake(
        "Tanh",
        "grad-output-changed",
        "grad_output is multiplied in place",
        "Look at what came in after your backward function was called: is it what it was?",
        (SLOPE_OF_TANH, "grad_output *= 1 - y * y\n            return grad_output"),
    ),
    mistake(
        "Tanh",
        "input-changed",
        "the value is written over x",
        "Into which array does np.tanh write, if out=x?",
        ("y = np.tanh(x)", "y = np.tanh(x, out=x).copy()"),
    ),
    mistake(
        "Tanh",
        "value-kept-in-the-layer",
        "the layer's last value is used for all entries",
        "Two calls, two entries: where does each of them find the value that it belongs to?",
        ("        def tanh_backward", "        self.y = y\n\n        def tanh_backward"),
        (SLOPE_OF_TANH, "return grad_output * (1 - self.y * self.y)"),
    ),
    mistake(
        "Tanh",
        "nothing-recorded",
        "nothing is recorded",
        "A call of forward should leave one more entry on the tape. Does yours?",
        ("        self.autograd_engine.add_operation([x], y, [None], tanh_backward)\n", ""),
    ),
    mistake(
        "Tanh",
        "gradient-lost",
        "an array of the moment is handed in for the gradient of x",
        "Where will the layer before this one look for the gradient of its output, which is your x?",
        ("[x], y, [None], ", "[x], y, [np.zeros_like(x)], "),
    ),
    mistake(
        "Tanh",
        "of-grad-output",
        "the slope is computed at grad_output",
        "At which point is the curve's slope asked for: where x is, or where the gradient is?",
        (SLOPE_OF_TANH, "return 1 - np.tanh(grad_output) ** 2"),
    ),
    mistake(
        "Tanh",
        "averaged-over-the-batch",
        "what comes back is a mean over the batch",
        "Each row of x has a gradient of its own. What is the shape of what you return?",
        (SLOPE_OF_TANH, "return (grad_output * (1 - y * y)).mean(axis=0)"),
    ),
]

LOSS_GRADIENT = "return grad_output * (np.exp(shifted - log_sum) - y) / len(y)"
VALUE = "loss = np.asarray((y * (log_sum - shifted)).sum() / len(y))"
LARGEST = "y_hat.max(axis=1, keepdims=True)"

SOFTMAX_CROSS_ENTROPY = [
    mistake(
        "SoftmaxCrossEntropy",
        "divergence-ignored",
        "the gradient is the same whatever grad_output is",
        "Suppose that the tape goes on with twice the loss. What comes in, and what must become of the gradient?",
        (LOSS_GRADIENT, "return (np.exp(shifted - log_sum) - y) / len(y)"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "gradient-times-the-loss",
        "the gradient is multiplied with the value of the loss",
        "The derivative of a mean of logarithms: does the value of the loss itself stand in it?",
        (LOSS_GRADIENT, "return grad_output * loss * (np.exp(shifted - log_sum) - y) / len(y)"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "gradient-not-a-mean",
        "the gradient is that of a sum over the batch",
        "The loss is a mean. Which number stands in its derivative because of that?",
        (LOSS_GRADIENT, "return grad_output * (np.exp(shifted - log_sum) - y)"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "labels-forgotten",
        "the gradient has the softmax alone, without the labels",
        "Which logit should become larger when the loss becomes smaller? Has your gradient a negative entry?",
        (LOSS_GRADIENT, "return grad_output * np.exp(shifted - log_sum) / len(y)"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "gradient-turned-round",
        "the gradient has the wrong sign",
        "If the right class gets a larger logit, does the loss grow? Look at the sign of that entry.",
        (LOSS_GRADIENT, "return grad_output * (y - np.exp(shifted - log_sum)) / len(y)"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "gradient-by-all-entries",
        "the gradient is divided by the number of all entries",
        "By how many numbers is a mean over the batch divided: by rows, or by rows times classes?",
        (LOSS_GRADIENT, "return grad_output * (np.exp(shifted - log_sum) - y) / y.size"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "sum-for-mean",
        "the value is a sum over the batch",
        "Put every row into the batch twice. Should the loss be twice as large?",
        (VALUE, "loss = np.asarray((y * (log_sum - shifted)).sum())"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "mean-over-classes",
        "the mean in the value goes over rows and classes",
        "How many terms of your sum are not zero? The mean goes over these.",
        (VALUE, "loss = np.asarray((y * (log_sum - shifted)).mean())"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "largest-for-right",
        "the loss is that of the class with the largest logit",
        "Which class counts: the one that the network believes in, or the one that is right?",
        (VALUE, "loss = np.asarray((log_sum - shifted).min(axis=1).sum() / len(y))"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "value-turned-round",
        "the value has no minus sign",
        "Can this loss be negative? A probability is at most 1.",
        (VALUE, "loss = np.asarray((y * (shifted - log_sum)).sum() / len(y))"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "softmax-down-the-columns",
        "the softmax goes over the rows of the batch",
        "Which numbers must add up to 1: those of one row, or those of one class?",
        ("y_hat.max(axis=1, keepdims=True)", "y_hat.max(axis=0, keepdims=True)"),
        ("np.exp(shifted).sum(axis=1, keepdims=True)", "np.exp(shifted).sum(axis=0, keepdims=True)"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "no-maximum",
        "no largest logit is subtracted",
        "What is exp(1000) in floating point? Which numbers go into your exponential?",
        (f"y_hat - {LARGEST}", "y_hat - 0"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "largest-of-all",
        "the largest logit of the whole batch is subtracted from every row",
        "One row has a logit of 1000, all others are near -1000. What is left of the others, in your exponential?",
        (LARGEST, "y_hat.max()"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "logarithm-guarded",
        "a small number is added inside of the logarithm of a probability",
        "What is the loss of a row that is wrong by 1000? And what is minus the logarithm of the small number that you add?",
        (VALUE, "loss = np.asarray(-(y * np.log(np.exp(shifted - log_sum) + 1e-12)).sum() / len(y))"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "logits-changed",
        "the largest logit is subtracted in place",
        "Print y_hat before and after forward. To whom does it belong?",
        (f"shifted = y_hat - {LARGEST}", f"y_hat -= {LARGEST}\n        shifted = y_hat.copy()"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "double-precision",
        "the gradient is in double precision",
        "np.eye and astype(float) make float64. What is the dtype of your gradient, where the logits are in float32?",
        (LOSS_GRADIENT, "return grad_output * (np.exp(shifted - log_sum) - y.astype(float)) / len(y)"),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "nothing-recorded",
        "nothing is recorded",
        "The way back begins at the loss. On which tape?",
        ("        self.autograd_engine.add_operation([y_hat], loss, [None], loss_backward)\n", ""),
    ),
    mistake(
        "SoftmaxCrossEntropy",
        "labels-recorded",
        "y is recorded as the input, and not y_hat",
        "The gradient of which array does your backward function return, and which one stands on the tape?",
        ("[y_hat], loss", "[y], loss"),
    ),
]

MISTAKES = [
    *ADD_OPERATION,
    *BACKWARD,
    *SUB_BACKWARD,
    *MATMUL_BACKWARD,
    *MUL_BACKWARD,
    *DIV_BACKWARD,
    *LOG_BACKWARD,
    *EXP_BACKWARD,
    *OUTER_BACKWARD,
    *LINEAR,
    *IDENTITY,
    *SIGMOID,
    *RELU,
    *TANH,
    *SOFTMAX_CROSS_ENTROPY,
]

TYPICAL = [
    f"{UNIT.name}.backward-bare-gradient-by-index",
    f"{UNIT.name}.sub_backward-sign-forgotten",
    f"{UNIT.name}.div_backward-square-forgotten",
    f"{UNIT.name}.Linear-gradients-emptied",
    f"{UNIT.name}.Sigmoid-grad-output-forgotten",
    f"{UNIT.name}.SoftmaxCrossEntropy-divergence-ignored",
]
"""Of the student who makes several."""
