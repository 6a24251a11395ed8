"""Mistakes of unit 6."""

from __future__ import annotations

from autodiff_lib.units.eager_tensor.unit import UNIT

from .. import Mistake, mistakes_of

mistake = mistakes_of(UNIT.name)

RULE = "    def gradient(self, node, output_grad):\n"


def double(exercise: str, value: str, hint: str) -> Mistake:
    """A value that is float64, whatever came in."""
    return mistake(exercise, "double", "compute returns float64, whatever the dtype of its input is", hint, (value, f"({value}).double()"))


def into_a_buffer(exercise: str, value: str, into: str, hint: str) -> Mistake:
    """One array for all results of a shape, kept on the operator. `into` computes with `out=buffer`."""
    lines = (
        "buffers = vars(self).setdefault('buffers', {})",
        "kind = *(one.shape for one in inputs), inputs[0].dtype",
        f"buffer = buffers.setdefault(kind, torch.empty_like({value}))",
        f"return {into}",
    )
    what = "every result is written into one array, which the operator keeps, over the result before it"
    return mistake(exercise, "buffer-kept", what, hint, (f"return {value}", "\n        ".join(lines)))


# --- Negate

MINUS = "-inputs[0]"
NEGATED = "[ad.Negate(output_grad)]"

NEGATE = [
    mistake(
        "Negate",
        "passed-through",
        "the gradient has no minus sign",
        "If a grows by 1, does -a grow or fall? And what does your gradient say?",
        (NEGATED, "[output_grad]"),
    ),
    mistake(
        "Negate",
        "upstream-forgotten",
        "gradient returns the slope -1 and leaves output_grad out",
        "The slope of -a is right. Which of the things that gradient was given have you not used?",
        (NEGATED, "[ad.Negate(ad.ones_like(output_grad))]"),
    ),
    mistake(
        "Negate",
        "input-for-upstream",
        "gradient negates the input and leaves output_grad out",
        "The minus sign is right. But what is it that travels back through your operator?",
        (NEGATED, "[ad.Negate(node.inputs[0])]"),
    ),
    mistake(
        "Negate",
        "times-itself",
        "the gradient is output_grad times the node",
        "Does the slope of -a depend on how large a is?",
        (NEGATED, "[output_grad * node]"),
    ),
    mistake(
        "Negate",
        "gradient-of-numbers",
        "the gradient is a tensor that is made of the numbers of output_grad, not of output_grad",
        "Take the numbers out of a tensor: how does anybody get back from them to what they were computed from?",
        (NEGATED, "[Tensor(-output_grad.numpy(), requires_grad=False)]"),
    ),
    mistake(
        "Negate",
        "never-positive",
        "compute makes every entry negative",
        "What is the negative of -2? And what does your compute make of it?",
        (MINUS, "-inputs[0].abs()"),
    ),
    mistake(
        "Negate",
        "in-place",
        "compute negates its input in place",
        "Negate a, and then print a. Whose numbers has your compute changed?",
        (MINUS, "inputs[0].neg_()"),
    ),
    mistake(
        "Negate",
        "subtracted-from-one",
        "compute takes its input from one, not from zero",
        "What is the negative of zero? And what does your compute make of it?",
        (MINUS, "1 - inputs[0]"),
    ),
    mistake(
        "Negate",
        "turned-round",
        "compute turns the order of the entries round",
        "The sign of an entry changes. Does its place?",
        (MINUS, "-inputs[0].flip(0)"),
    ),
    double("Negate", MINUS, "Negate a float32 tensor: which dtype comes out of your compute?"),
]


# --- PowerScalar

POWER = "inputs[0] ** node.scalar"
LOWER = "ad.PowerScalar(a, node.scalar - 1)"
SLOPE = f"node.scalar * {LOWER}"
POWER_RULE = f"[output_grad * ({SLOPE})]"
ZERO = "        if node.scalar == 0:  # 0 * a**-1 would be nan where a is 0\n            return [ad.zeros_like(a)]\n"

POWER_SCALAR = [
    mistake(
        "PowerScalar",
        "power-of-upstream",
        "the power rule is applied to output_grad, not to the input",
        "For which of the two does the power rule say how fast a power grows: for a, or for output_grad?",
        (POWER_RULE, "[node.scalar * ad.PowerScalar(output_grad, node.scalar - 1)]"),
    ),
    mistake(
        "PowerScalar",
        "exponent-not-lowered",
        "the exponent is not lowered by one in the gradient",
        "What is the derivative of a**2? Which exponent has it, and which one has yours?",
        (LOWER, "ad.PowerScalar(a, node.scalar)"),
    ),
    mistake(
        "PowerScalar",
        "factor-forgotten",
        "the exponent does not come down as a factor in the gradient",
        "What is the derivative of a**3 at a = 1? And what does your gradient say there?",
        (SLOPE, LOWER),
    ),
    mistake(
        "PowerScalar",
        "lowered-factor",
        "the factor in the gradient is the exponent less one",
        "The exponent comes down, and is then lowered. In which order do you do that?",
        (SLOPE, f"(node.scalar - 1) * {LOWER}"),
    ),
    mistake(
        "PowerScalar",
        "upstream-forgotten",
        "gradient returns the slope alone and leaves output_grad out",
        "Your slope is that of the power. What if somebody multiplies the power by 5 afterwards?",
        (POWER_RULE, f"[{SLOPE}]"),
    ),
    mistake(
        "PowerScalar",
        "divided-by-base",
        "the slope is the power times the exponent, divided by the base, which is 0 / 0 where the base is zero",
        "a**3 is flat at a = 0. What does your formula divide by there?",
        (SLOPE, "node.scalar * (node / a)"),
    ),
    mistake(
        "PowerScalar",
        "gradient-of-numbers",
        "the slope is made of the numbers in the input, not of the input",
        "Ask for the gradient of your gradient: how would anybody know that your slope depends on a?",
        (SLOPE, "Tensor(node.scalar * a.numpy() ** (node.scalar - 1.0))"),
    ),
    mistake(
        "PowerScalar",
        "whole-exponent",
        "compute rounds the exponent to a whole number",
        "The exponent need not be whole. What does your compute make of 0.5?",
        (POWER, "inputs[0] ** int(node.scalar)"),
    ),
    mistake(
        "PowerScalar",
        "upside-down",
        "compute takes the number to the power of the input",
        "Work out 3 to the power 2 and 2 to the power 3: which of the two is wanted for a = 3 and the scalar 2?",
        (POWER, "node.scalar ** inputs[0]"),
    ),
    mistake(
        "PowerScalar",
        "by-logarithm",
        "compute goes through a logarithm, which negative numbers have none of",
        "What is (-2)**2? And what is the logarithm of -2?",
        (POWER, "(inputs[0].log() * node.scalar).exp()"),
    ),
    mistake(
        "PowerScalar",
        "in-place",
        "compute raises its input to the power in place",
        "Look at the tensor that compute was given once more, after the power. Does it hold its own numbers?",
        (POWER, "inputs[0].pow_(node.scalar)"),
    ),
    mistake(
        "PowerScalar",
        "multiplied",
        "compute multiplies by the exponent",
        "3 to the power 2 is not 6. Which sign stands between the two in your compute?",
        (POWER, "inputs[0] * node.scalar"),
    ),
    double("PowerScalar", POWER, "Take a float32 tensor to a power: which dtype comes out?"),
    mistake(
        "PowerScalar",
        "exponent-zero-forgotten",
        "nothing is said of the exponent 0, and the formula is 0 * a**-1, which is nan where a is 0",
        "a**0 is flat. What does your formula say of it at a = 0, where the exponent is lowered to -1?",
        (ZERO, ""),
    ),
    mistake(
        "PowerScalar",
        "one-for-zero",
        "the gradient is output_grad where the exponent is 0",
        "a**0 is 1, whatever a is. How much does it grow when a does?",
        ("[ad.zeros_like(a)]", "[output_grad]"),
    ),
    mistake(
        "PowerScalar",
        "zero-of-zero",
        "compute returns 0 where the base is 0, whatever the exponent is",
        "What do Python, NumPy and torch say of 0**0? And a**0 elsewhere?",
        (POWER, "(inputs[0] != 0) * inputs[0].where(inputs[0] != 0, torch.ones(())) ** node.scalar"),
    ),
    mistake(
        "PowerScalar",
        "sign-lost",
        "compute takes the power of the absolute value",
        "What is (-2)**3? And what does your compute make of it?",
        (POWER, "inputs[0].abs() ** node.scalar"),
    ),
]


# --- DivScalar

BY_SCALAR = "inputs[0] / node.scalar"
SHARED = "[ad.DivScalar(output_grad, node.scalar)]"

DIV_SCALAR = [
    mistake(
        "DivScalar",
        "multiplied",
        "the gradient is multiplied by the number",
        "Divide a by a thousand: does the result react strongly to a, or weakly? Which one does your gradient say?",
        (SHARED, "[output_grad * node.scalar]"),
    ),
    mistake(
        "DivScalar",
        "passed-through",
        "the gradient ignores the number",
        "If a grows by 1, by how much does a / 4 grow? Where is that in your gradient?",
        (SHARED, "[output_grad]"),
    ),
    mistake(
        "DivScalar",
        "upstream-forgotten",
        "gradient returns the slope alone and leaves output_grad out",
        "One over the number is the slope. What is it a factor of?",
        (SHARED, "[ad.DivScalar(ad.ones_like(output_grad), node.scalar)]"),
    ),
    mistake(
        "DivScalar",
        "by-the-number",
        "the gradient is the one with respect to the number",
        "There are two things in a / 4. Which of them is a tensor that wants a gradient?",
        (SHARED, "[ad.Negate(ad.DivScalar(output_grad * node, node.scalar))]"),
    ),
    mistake(
        "DivScalar",
        "gradient-guarded",
        "a tiny number is added to the divisor in the gradient",
        "Divide by a millionth: how many digits of your gradient are right? By which number does compute divide?",
        (SHARED, "[ad.DivScalar(output_grad, node.scalar + 1e-10)]"),
    ),
    mistake(
        "DivScalar",
        "gradient-double",
        "the gradient becomes float64, because it is multiplied by a tensor of that dtype",
        "A float32 tensor times a float64 tensor: which dtype has the product? How else can one divide by a number?",
        (SHARED, "[ad.unbroadcast(output_grad * Tensor(np.array([1 / node.scalar])), output_grad)]"),
    ),
    mistake(
        "DivScalar",
        "floor",
        "compute divides without remainder",
        "What is 1 / 4, and what does your compute make of it? Look at the sign between the two.",
        (BY_SCALAR, "inputs[0] // node.scalar"),
    ),
    mistake(
        "DivScalar",
        "number-rounded",
        "compute rounds the divisor to a whole number",
        "Divide by -0.3: why does your compute find infinity?",
        (BY_SCALAR, "inputs[0] / int(node.scalar)"),
    ),
    mistake(
        "DivScalar",
        "upside-down",
        "compute divides the number by the input",
        "What is 8 divided by 4? Which of the two is on top in your compute?",
        (BY_SCALAR, "node.scalar / inputs[0]"),
    ),
    mistake(
        "DivScalar",
        "in-place",
        "compute divides its input in place",
        "Divide the same tensor twice, and look at the second result. What has the first division left behind?",
        (BY_SCALAR, "inputs[0].div_(node.scalar)"),
    ),
    mistake(
        "DivScalar",
        "guarded",
        "a tiny number is added to the divisor",
        "How exact is your result where the divisor is a millionth? Who asked you to change the divisor?",
        (BY_SCALAR, "inputs[0] / (node.scalar + 1e-10)"),
    ),
    mistake(
        "DivScalar",
        "double",
        "compute divides by a float64 tensor, and float32 becomes float64",
        "What dtype has a float32 tensor once it was divided by a float64 tensor? Must your divisor be a tensor?",
        (BY_SCALAR, "inputs[0] / torch.full(inputs[0].shape, node.scalar, dtype=torch.float64)"),
    ),
]


# --- EWiseDiv

QUOTIENT = "inputs[0] / inputs[1]"
TO_TOP = "to_a = ad.EWiseDiv(output_grad, b)"
TO_BOTTOM = "to_b = ad.Negate(to_a * node)"
BOTH = "[ad.unbroadcast(to_a, a), ad.unbroadcast(to_b, b)]"
EXCHANGED = "[ad.unbroadcast(to_b, a), ad.unbroadcast(to_a, b)]"

EWISE_DIV = [
    mistake(
        "EWiseDiv",
        "sign",
        "the gradient of the divisor has the wrong sign",
        "Let the divisor grow: does the quotient of positive numbers grow as well?",
        (TO_BOTTOM, "to_b = to_a * node"),
    ),
    mistake(
        "EWiseDiv",
        "divided-once",
        "the gradient of the divisor is divided by the divisor once, not twice",
        "Write a / b as a * b**-1 and use the power rule: what happens to the exponent?",
        (TO_BOTTOM, "to_b = ad.Negate(to_a * a)"),
    ),
    mistake(
        "EWiseDiv",
        "numerator-forgotten",
        "the numerator is missing in the gradient of the divisor",
        "What is the derivative of 3 / b, and where is the 3 in your gradient?",
        (TO_BOTTOM, "to_b = ad.Negate(ad.EWiseDiv(to_a, b))"),
    ),
    mistake(
        "EWiseDiv",
        "exchanged",
        "the two gradients are in each other's place",
        "In which order do your gradients come, and in which order do the inputs of the node?",
        (BOTH, EXCHANGED),
    ),
    mistake(
        "EWiseDiv",
        "unreduced",
        "a stretched operand gets a gradient of the stretched shape",
        "b is a row and the quotient is a matrix. Which shape must the gradient of b have?",
        (BOTH, "[to_a, to_b]"),
    ),
    mistake(
        "EWiseDiv",
        "first-unreduced",
        "the gradient of a is not brought back to its shape where a was stretched",
        "Your second gradient has the shape of its operand. Has the first one?",
        (BOTH, "[to_a, ad.unbroadcast(to_b, b)]"),
    ),
    mistake(
        "EWiseDiv",
        "upstream-forgotten",
        "gradient returns the two slopes and leaves output_grad out",
        "One over b is a slope, and no gradient yet. By what is it multiplied?",
        (TO_TOP, "to_a = ad.EWiseDiv(ad.ones_like(output_grad), b)"),
    ),
    mistake(
        "EWiseDiv",
        "gradient-guarded",
        "a tiny number is added to the divisor in the gradient",
        "By which number did compute divide? Is that the one in your gradient, to the last digit?",
        (TO_TOP, "to_a = ad.EWiseDiv(output_grad, ad.AddScalar(b, 1e-10))"),
    ),
    mistake(
        "EWiseDiv",
        "gradient-of-numbers",
        "the gradient of the divisor is made of the numbers in the quotient, not of the quotient",
        "The first derivative is right. Who tells the second one that a / b depends on b?",
        (TO_BOTTOM, "to_b = ad.Negate(to_a * Tensor(node.numpy(), requires_grad=False))"),
    ),
    mistake(
        "EWiseDiv",
        "guarded",
        "a tiny number is added to the divisor",
        "What is 1 / 0 in torch, and what is it in yours? Nobody has asked for a guard.",
        (QUOTIENT, "inputs[0] / (inputs[1] + 1e-10)"),
    ),
    mistake(
        "EWiseDiv",
        "upside-down",
        "compute divides the second input by the first",
        "Which of the two inputs is on top in a / b? Try 6 and 3.",
        (QUOTIENT, "inputs[1] / inputs[0]"),
    ),
    mistake(
        "EWiseDiv",
        "floor",
        "compute divides without remainder",
        "What does your compute make of 1 and 2? Count the strokes of the sign between them.",
        (QUOTIENT, "inputs[0] // inputs[1]"),
    ),
    mistake(
        "EWiseDiv",
        "in-place",
        "compute divides its first input in place where the shapes are equal",
        "After a / b, print a. Which method with an underscore at its end is in your compute?",
        (QUOTIENT, "inputs[0].div_(inputs[1]) if inputs[0].shape == inputs[1].shape else inputs[0] / inputs[1]"),
    ),
    double("EWiseDiv", QUOTIENT, "Divide two float32 tensors: which dtype has your quotient, and which one should it have?"),
]


# --- Log

NATURAL = "inputs[0].log()"
ONE_OVER = "[ad.EWiseDiv(output_grad, a)]"

LOG = [
    mistake(
        "Log",
        "multiplied",
        "the gradient is multiplied by a, not divided by it",
        "Is the logarithm steep for large numbers, or flat? What does your gradient say?",
        (ONE_OVER, "[output_grad * a]"),
    ),
    mistake(
        "Log",
        "upstream-forgotten",
        "gradient returns the slope 1 / a and leaves output_grad out",
        "One over a is the slope. What comes from above, and where is it?",
        (ONE_OVER, "[ad.EWiseDiv(ad.ones_like(output_grad), a)]"),
    ),
    mistake(
        "Log",
        "divided-by-the-logarithm",
        "the gradient is divided by the logarithm of a, not by a",
        "What does your gradient divide by where a is 1?",
        (ONE_OVER, "[ad.EWiseDiv(output_grad, node)]"),
    ),
    mistake(
        "Log",
        "gradient-guarded",
        "a tiny number is added to a in the gradient",
        "How large is the slope at 1e-9, and how large is yours?",
        (ONE_OVER, "[ad.EWiseDiv(output_grad, ad.AddScalar(a, 1e-10))]"),
    ),
    mistake(
        "Log",
        "gradient-of-numbers",
        "the gradient is divided by the numbers in a, not by a",
        "The second derivative of the logarithm is not zero. Where would it come from in yours?",
        (ONE_OVER, "[ad.EWiseDiv(output_grad, Tensor(a.numpy(), requires_grad=False))]"),
    ),
    mistake(
        "Log",
        "gradient-of-a-power",
        "the gradient is divided by a twice",
        "Which power of a is the derivative of the logarithm?",
        (ONE_OVER, "[ad.EWiseDiv(ad.EWiseDiv(output_grad, a), a)]"),
    ),
    mistake(
        "Log",
        "base-two",
        "compute takes the logarithm to the base 2",
        "What is log(e)? And what does your compute make of 2.718?",
        (NATURAL, "inputs[0].log2()"),
    ),
    mistake(
        "Log",
        "base-ten",
        "compute takes the logarithm to the base 10",
        "To which base is the natural logarithm? Try 10.",
        (NATURAL, "inputs[0].log10()"),
    ),
    mistake(
        "Log",
        "of-one-more",
        "compute takes the logarithm of a + 1",
        "What is log(1)? And what does your compute make of it?",
        (NATURAL, "inputs[0].log1p()"),
    ),
    mistake(
        "Log",
        "guarded",
        "a tiny number is added before the logarithm",
        "What is log(0) in torch, and what is it in yours? And how many digits are right at 1e-9?",
        (NATURAL, "(inputs[0] + 1e-10).log()"),
    ),
    mistake(
        "Log",
        "in-place",
        "compute takes the logarithm in place",
        "Which numbers does a hold after somebody has taken its logarithm?",
        (NATURAL, "inputs[0].log_()"),
    ),
    double("Log", NATURAL, "Take the logarithm of a float32 tensor: which dtype do you get, and from where does it come?"),
]


# --- Exp

POWER_OF_E = "inputs[0].exp()"
ITSELF = "[output_grad * node]"

EXP = [
    mistake(
        "Exp",
        "passed-through",
        "the gradient ignores the slope and passes output_grad on",
        "Is exp equally steep everywhere? What is its own derivative?",
        (ITSELF, "[output_grad]"),
    ),
    mistake(
        "Exp",
        "upstream-forgotten",
        "gradient returns the slope alone and leaves output_grad out",
        "exp is its own slope, as you say. Of what is the slope a factor?",
        (ITSELF, "[node]"),
    ),
    mistake(
        "Exp",
        "input-for-output",
        "the slope is the input, not its exponential",
        "Which of the two is the derivative of exp: what goes in, or what comes out?",
        (ITSELF, "[output_grad * node.inputs[0]]"),
    ),
    mistake(
        "Exp",
        "exp-of-upstream",
        "the exponential is taken of output_grad",
        "What has to be doubled in a gradient when output_grad is doubled? Is yours?",
        (ITSELF, "[ad.Exp(output_grad)]"),
    ),
    mistake(
        "Exp",
        "gradient-of-numbers",
        "the slope is made of the numbers of the result, not of the result",
        "exp has a second derivative, and a third. What is left of them once the numbers are taken out of the tensor?",
        (ITSELF, "[output_grad * Tensor(node.numpy(), requires_grad=False)]"),
    ),
    mistake(
        "Exp",
        "power-rule",
        "the power rule is used: the slope is a times exp(a - 1)",
        "The power rule is for a**n. In exp(a), where is the a?",
        (ITSELF, "[output_grad * node.inputs[0] * ad.Exp(ad.AddScalar(node.inputs[0], -1))]"),
    ),
    mistake(
        "Exp",
        "less-one",
        "compute subtracts one from the exponential",
        "What is exp(0)? And what does your compute make of it?",
        (POWER_OF_E, "inputs[0].expm1()"),
    ),
    mistake(
        "Exp",
        "rounded-e",
        "compute uses a rounded value of e",
        "How many digits of e do you use, and how many are there in a float64?",
        (POWER_OF_E, "torch.pow(2.71828, inputs[0])"),
    ),
    mistake(
        "Exp",
        "clamped",
        "compute cuts its input off at 50",
        "What is exp(100)? And what does your compute make of it?",
        (POWER_OF_E, "inputs[0].clamp(max=50).exp()"),
    ),
    mistake(
        "Exp",
        "in-place",
        "compute takes the exponential in place",
        "What does a hold after somebody has taken its exponential?",
        (POWER_OF_E, "inputs[0].exp_()"),
    ),
    double("Exp", POWER_OF_E, "Take exp of a float32 tensor: why are there twice as many digits in the result?"),
    into_a_buffer(
        "Exp",
        POWER_OF_E,
        "torch.exp(inputs[0], out=buffer)",
        "Take exp of two tensors, one after the other, and print the first result. What has the second call done to it?",
    ),
]


# --- EWisePow

POWERS = "inputs[0] ** inputs[1]"
TO_BASE = "to_a = output_grad * b * ad.EWisePow(a, ad.AddScalar(b, -1))"
TO_EXPONENT = "to_b = output_grad * node * ad.Log(a)"

EWISE_POW = [
    mistake(
        "EWisePow",
        "logarithm-forgotten",
        "the logarithm of the base is missing in the gradient of the exponent",
        "Write a**b as exp(b * log(a)): what is the derivative of what stands inside?",
        (TO_EXPONENT, "to_b = output_grad * node"),
    ),
    mistake(
        "EWisePow",
        "logarithm-of-the-power",
        "the gradient of the exponent has the logarithm of the power, not of the base",
        "What is the derivative of 2**b? Which number is the logarithm of?",
        (TO_EXPONENT, "to_b = output_grad * node * ad.Log(node)"),
    ),
    mistake(
        "EWisePow",
        "exponent-like-base",
        "the exponent gets the gradient of the base, by the power rule",
        "The power rule says how a**b changes with a. Does it say how it changes with b?",
        (TO_EXPONENT, "to_b = output_grad * b * ad.EWisePow(a, ad.AddScalar(b, -1))"),
    ),
    mistake(
        "EWisePow",
        "factor-forgotten",
        "the exponent does not come down as a factor in the gradient of the base",
        "What is the derivative of a**3 with respect to a? Where is the 3 in yours?",
        (TO_BASE, "to_a = output_grad * ad.EWisePow(a, ad.AddScalar(b, -1))"),
    ),
    mistake(
        "EWisePow",
        "exponent-not-lowered",
        "the exponent is not lowered by one in the gradient of the base",
        "Which power of a is left when one of them is differentiated away?",
        (TO_BASE, "to_a = output_grad * b * node"),
    ),
    mistake(
        "EWisePow",
        "exchanged",
        "the two gradients are in each other's place",
        "The base comes first in node.inputs. Which gradient comes first in your list?",
        (BOTH, EXCHANGED),
    ),
    mistake(
        "EWisePow",
        "unreduced",
        "a stretched operand gets a gradient of the stretched shape",
        "One exponent for each column serves all rows. How many gradients does it get from you, and how many should it get?",
        (BOTH, "[to_a, to_b]"),
    ),
    mistake(
        "EWisePow",
        "upstream-forgotten",
        "output_grad is missing in the gradient of the exponent",
        "Your first gradient has output_grad as a factor. Has the second one?",
        (TO_EXPONENT, "to_b = node * ad.Log(a)"),
    ),
    mistake(
        "EWisePow",
        "gradient-guarded",
        "a tiny number is added to the base before the logarithm",
        "How many digits of log(1e-9) are right if 1e-10 is added first?",
        (TO_EXPONENT, "to_b = output_grad * node * ad.Log(ad.AddScalar(a, 1e-10))"),
    ),
    mistake(
        "EWisePow",
        "gradient-of-numbers",
        "the logarithm is taken of the numbers in the base, not of the base",
        "What does the gradient of the exponent depend on? What is left of that when NumPy takes the logarithm?",
        (TO_EXPONENT, "to_b = output_grad * node * Tensor(np.log(a.numpy()), requires_grad=False)"),
    ),
    mistake(
        "EWisePow",
        "exponent-constant",
        "the exponent gets zeros, as if it were a plain number",
        "In this operator the exponent is a tensor, which learns as well. What is its gradient?",
        (TO_EXPONENT, "to_b = ad.zeros_like(output_grad)"),
    ),
    mistake(
        "EWisePow",
        "upside-down",
        "compute takes the second input to the power of the first",
        "2 to the power 3 is 8. What does your compute make of 2 and 3?",
        (POWERS, "inputs[1] ** inputs[0]"),
    ),
    mistake(
        "EWisePow",
        "multiplied",
        "compute multiplies its two inputs",
        "How many stars stand between your two inputs?",
        (POWERS, "inputs[0] * inputs[1]"),
    ),
    mistake(
        "EWisePow",
        "size-of-the-exponent",
        "compute uses the absolute values of the exponents",
        "What is 2 to the power -1? And what does your compute make of it?",
        (POWERS, "inputs[0] ** inputs[1].abs()"),
    ),
    mistake(
        "EWisePow",
        "equal-shapes-only",
        "compute works for operands of one shape alone",
        "A matrix to the power of a row: what should come out, and where does your compute give up?",
        (f"return {POWERS}", f"assert inputs[0].shape == inputs[1].shape\n        return {POWERS}"),
    ),
    double("EWisePow", POWERS, "Take float32 numbers to float32 powers: which dtype do you return?"),
]


# --- ReLU

CUT = "inputs[0].clamp(min=0)"
GATE = "ad.greater(a, ad.zeros_like(a))"
GATED = f"[output_grad * {GATE}]"

RELU = [
    mistake(
        "ReLU",
        "upstream-gate",
        "the gate looks at the sign of output_grad, not of the input",
        "What decides whether something gets through: what comes from below, or what comes from above?",
        (GATE, "ad.greater(output_grad, ad.zeros_like(output_grad))"),
    ),
    mistake(
        "ReLU",
        "upstream-forgotten",
        "gradient returns the gate alone and leaves output_grad out",
        "Your gate opens and closes as it should. What is it that goes through?",
        (GATED, f"[{GATE}]"),
    ),
    mistake(
        "ReLU",
        "gate-forgotten",
        "the gradient is passed on where the input is negative, too",
        "Is the function steep where it is cut off?",
        (GATED, "[output_grad]"),
    ),
    mistake(
        "ReLU",
        "value-for-gate",
        "output_grad is multiplied by the value, not by the slope",
        "How steep is the function at 5: five times as steep as at 1?",
        (GATED, "[output_grad * node]"),
    ),
    mistake(
        "ReLU",
        "gate-turned-round",
        "the gate is open where the input is negative",
        "For a = 3 the output follows the input. Is your gate open there?",
        (GATE, "ad.greater(ad.zeros_like(a), a)"),
    ),
    mistake(
        "ReLU",
        "divided-by-itself",
        "the gate is the output divided by the input, which is 0 / 0 where the input is zero",
        "What is your gate where the input is exactly zero?",
        (GATED, "[output_grad * ad.EWiseDiv(node, a)]"),
    ),
    mistake(
        "ReLU",
        "gate-of-cached-data",
        "the gate is made of cached_data, which is a number that was read, and in lazy mode is not there yet",
        "Who has computed the input in lazy mode? Which operator compares two tensors and makes a third?",
        (GATED, "[output_grad * Tensor((a.cached_data > 0).to(a.cached_data.dtype), requires_grad=False)]"),
    ),
    mistake(
        "ReLU",
        "zeros-like-cached-data",
        "the zeros of the gate are made in the shape of cached_data, which in lazy mode is not there yet",
        "What is cached_data of a tensor in lazy mode, before anybody has asked? Which operator makes zeros of a tensor's shape?",
        (GATE, "ad.greater(a, Tensor.make_const(torch.zeros_like(a.cached_data)))"),
    ),
    mistake(
        "ReLU",
        "gradient-of-numbers",
        "the gradient is made of the numbers of output_grad and of the input, and has no history",
        "Differentiate your gradient once more: it depends on output_grad. Does it know?",
        (GATED, "[Tensor(output_grad.numpy() * (a.numpy() > 0), requires_grad=False)]"),
    ),
    mistake(
        "ReLU",
        "into-upstream",
        "the zeros are written into the numbers of output_grad itself",
        "output_grad may be the gradient of others as well. What do they find in it after you have run?",
        (
            f"return {GATED}",
            "output_grad.realize_cached_data()[a.realize_cached_data() <= 0] = 0\n        return [output_grad]",
        ),
    ),
    mistake(
        "ReLU",
        "leaky",
        "compute lets a hundredth of the negative numbers through",
        "That is another function, with a leak. What should become of -100?",
        (CUT, "torch.where(inputs[0] > 0, inputs[0], 0.01 * inputs[0])"),
    ),
    mistake(
        "ReLU",
        "absolute-value",
        "compute turns negative numbers into positive ones",
        "What should become of -2? Zero, or something else?",
        (CUT, "inputs[0].abs()"),
    ),
    mistake(
        "ReLU",
        "capped",
        "compute cuts off at one as well",
        "What should become of 7? How many ends has your clamp?",
        (CUT, "inputs[0].clamp(min=0, max=1)"),
    ),
    mistake(
        "ReLU",
        "in-place",
        "compute cuts off its input in place",
        "Who else might still need the negative numbers that your compute has overwritten?",
        (CUT, "inputs[0].clamp_(min=0)"),
    ),
    mistake(
        "ReLU",
        "sign",
        "compute returns one for every positive number",
        "Your compute says whether a number is positive. Does it say how large it is?",
        (CUT, "(inputs[0] > 0).to(inputs[0].dtype)"),
    ),
    mistake(
        "ReLU",
        "double",
        "compute compares with float64 zeros, and float32 becomes float64",
        "Which dtype have the zeros that you compare with? What does torch make of two different ones?",
        (CUT, "torch.maximum(inputs[0].double(), torch.zeros(inputs[0].shape, dtype=torch.float64))"),
    ),
    into_a_buffer(
        "ReLU",
        CUT,
        "torch.clamp(inputs[0], min=0, out=buffer)",
        "A network has two layers of one size, each with a ReLU. Where does the first one's value lie once the second has run?",
    ),
]


# --- Reshape

RESHAPED = "inputs[0].reshape(node.shape)"
RESHAPED_BACK = "ad.reshape_as(output_grad, node.inputs[0])"

RESHAPE = [
    mistake(
        "Reshape",
        "passed-through",
        "gradient passes output_grad on in the shape in which it came",
        "output_grad has the shape of the result. Which shape has the input?",
        (RESHAPED_BACK, "output_grad"),
    ),
    mistake(
        "Reshape",
        "turned-shape",
        "gradient reshapes to the shape of the result, read backwards",
        "(2, 3) to (3, 2) and back works in your version. Which shape do you go back to from (6,)?",
        (RESHAPED_BACK, "ad.Reshape(output_grad, shape=tuple(reversed(output_grad.shape)))"),
    ),
    mistake(
        "Reshape",
        "transposed",
        "gradient of a matrix in another one is a transpose",
        "A reshape leaves the numbers in their order. Does a transpose?",
        (
            RESHAPED_BACK,
            "ad.Transpose(output_grad) if node.inputs[0].shape == tuple(reversed(output_grad.shape)) else ad.reshape_as(output_grad, node.inputs[0])",
        ),
    ),
    mistake(
        "Reshape",
        "input-for-upstream",
        "gradient returns the numbers of the input and leaves output_grad out",
        "The shape is right. Whose numbers must stand in it?",
        (RESHAPED_BACK, "node.inputs[0]"),
    ),
    mistake(
        "Reshape",
        "ones",
        "gradient returns ones and leaves output_grad out",
        "Every entry moves to another place, with a slope of one. What is the one a factor of?",
        (RESHAPED_BACK, "ad.ones_like(node.inputs[0])"),
    ),
    mistake(
        "Reshape",
        "flat-gradient",
        "the gradient is flat",
        "How many axes has the input, and how many has your gradient?",
        (RESHAPED_BACK, "ad.Reshape(output_grad, shape=(-1,))"),
    ),
    mistake(
        "Reshape",
        "matrices-only",
        "gradient returns a matrix with as many rows as the input, whatever its rank is",
        "Your gradient of a matrix is right. What does it look like for an input of shape (2, 3, 4)?",
        (RESHAPED_BACK, "ad.Reshape(output_grad, shape=(*node.inputs[0].shape[:1], -1))"),
    ),
    mistake(
        "Reshape",
        "viewed",
        "compute uses view, which cannot copy, and so fails for a transposed tensor",
        "Reshape the transpose of a matrix: what does torch say? Which of its functions copies where it has to?",
        (RESHAPED, "inputs[0].view(node.shape)"),
    ),
    mistake(
        "Reshape",
        "by-columns",
        "compute takes the numbers column by column",
        "Flatten [[1, 2], [3, 4]]: which number comes second?",
        (RESHAPED, "inputs[0].permute(*reversed(range(inputs[0].ndim))).reshape(node.shape)"),
    ),
    mistake(
        "Reshape",
        "flat",
        "compute flattens, whatever shape is asked for",
        "The numbers are in the right order. How many axes should there be?",
        (RESHAPED, "inputs[0].flatten()"),
    ),
    mistake(
        "Reshape",
        "in-place",
        "compute reshapes its input in place",
        "After your reshape, what shape has the tensor that it was given?",
        (RESHAPED, "inputs[0].resize_(inputs[0].reshape(node.shape).shape)"),
    ),
    mistake(
        "Reshape",
        "gap-not-filled",
        "compute takes -1 for a size of one",
        "A size of -1 stands for whatever is left. What does your compute make of it?",
        (RESHAPED, "inputs[0].reshape([abs(size) for size in node.shape])"),
    ),
    double("Reshape", RESHAPED, "Nothing is calculated in a reshape. Why has your result another dtype?"),
]


# --- Transpose

SWAPPED = "inputs[0].transpose(*(node.axes or (-2, -1)))"
SWAPPED_BACK = "ad.Transpose(output_grad, axes=node.axes)"

TRANSPOSE = [
    mistake(
        "Transpose",
        "passed-through",
        "gradient passes output_grad on, and swaps nothing back",
        "Row and column were exchanged on the way there. And on the way back?",
        (SWAPPED_BACK, "output_grad"),
    ),
    mistake(
        "Transpose",
        "gradient-last-two",
        "gradient always swaps the last two axes",
        "Somebody swaps axes 0 and 1 of three. Which two must trade places on the way back?",
        (SWAPPED_BACK, "ad.Transpose(output_grad)"),
    ),
    mistake(
        "Transpose",
        "gradient-first-two",
        "gradient swaps axes 0 and 1 where none are named",
        "Without axes, which two were swapped by compute? And by your gradient?",
        (SWAPPED_BACK, "ad.Transpose(output_grad, axes=node.axes or (0, 1))"),
    ),
    mistake(
        "Transpose",
        "input-for-upstream",
        "gradient swaps the axes of the result back and leaves output_grad out",
        "The swap is right. Of whose numbers?",
        (SWAPPED_BACK, "ad.Transpose(node, axes=node.axes)"),
    ),
    mistake(
        "Transpose",
        "gradient-reversed",
        "gradient reverses all axes",
        "With three axes, one of them stays where it is. Which one stays in your gradient?",
        (
            RULE,
            f"{RULE}"
            "        last = len(output_grad.shape) - 1\n"
            "        for axis in range((last + 1) // 2):\n"
            "            output_grad = ad.Transpose(output_grad, axes=(axis, last - axis))\n"
            "        return [output_grad]\n",
        ),
    ),
    mistake(
        "Transpose",
        "first-two",
        "compute swaps axes 0 and 1 where none are named",
        "Take a batch of matrices: which two axes should trade places without being named?",
        (SWAPPED, "inputs[0].transpose(*(node.axes or (0, 1)))"),
    ),
    mistake(
        "Transpose",
        "all-axes",
        "compute reverses all axes where none are named, as NumPy does",
        "For matrices all is well. What does your compute do with a batch of them?",
        (SWAPPED, "inputs[0].transpose(*node.axes) if node.axes else inputs[0].permute(*reversed(range(inputs[0].ndim)))"),
    ),
    mistake(
        "Transpose",
        "always-last-two",
        "compute always swaps the last two axes",
        "Where in your compute are the axes that somebody has named?",
        (SWAPPED, "inputs[0].transpose(-2, -1)"),
    ),
    mistake(
        "Transpose",
        "axis-moved",
        "compute moves one axis to the place of the other, and those between shift along",
        "Swap axes 0 and 2 of three: where should axis 1 be afterwards?",
        (SWAPPED, "inputs[0].movedim(*(node.axes or (-2, -1)))"),
    ),
    mistake(
        "Transpose",
        "negative-axes",
        "compute knows no negative axes",
        "Where in your list of axes is the axis -1? How many is that, counted from the front?",
        (
            f"return {SWAPPED}",
            "a = inputs[0]\n"
            "        order = list(range(a.ndim))\n"
            "        one, other = map(order.index, node.axes or (a.ndim - 2, a.ndim - 1))\n"
            "        order[one], order[other] = order[other], order[one]\n"
            "        return a.permute(order)",
        ),
    ),
    mistake(
        "Transpose",
        "reshaped",
        "compute gives the numbers the new shape and leaves them in their order",
        "The shape is that of the transpose. In which row is the second number of the first row now?",
        (SWAPPED, f"inputs[0].reshape({SWAPPED}.shape)"),
    ),
    mistake(
        "Transpose",
        "in-place",
        "compute transposes its input in place",
        "Transpose a twice, each time from a: why is the second result not like the first?",
        (SWAPPED, "inputs[0].transpose_(*(node.axes or (-2, -1)))"),
    ),
]


# --- BroadcastTo

STRETCHED = "inputs[0].broadcast_to(node.shape)"
SHRUNK = "ad.unbroadcast(output_grad, node.inputs[0])"

BROADCAST_TO = [
    mistake(
        "BroadcastTo",
        "passed-through",
        "the gradient keeps the stretched shape",
        "One number was copied to three places, and three gradients come back. How many belong to the one?",
        (SHRUNK, "output_grad"),
    ),
    mistake(
        "BroadcastTo",
        "new-axes-only",
        "only the axes that are new are summed in the gradient, not those that had size one",
        "Stretch (2, 1) to (2, 3): which axis holds the copies? Is it new?",
        (
            f"return [{SHRUNK}]",
            "new = len(output_grad.shape) - len(node.inputs[0].shape)\n"
            "        return [ad.Summation(output_grad, axes=tuple(range(new))) if new else output_grad]",
        ),
    ),
    mistake(
        "BroadcastTo",
        "coinciding-sizes",
        "a size that occurs in both shapes is taken for the same axis, wherever it stands",
        "Stretch (3,) to (3, 3): along which axis are the copies? From which side does broadcasting compare shapes?",
        (
            f"return [{SHRUNK}]",
            "left, axes = [*node.inputs[0].shape], []\n"
            "        for axis, size in enumerate(output_grad.shape):\n"
            "            if left and left[0] == size:\n"
            "                left.pop(0)\n"
            "            else:\n"
            "                axes.append(axis)\n"
            "                if left and left[0] == 1 and len(left) == len(output_grad.shape) - axis:\n"
            "                    left.pop(0)\n"
            "        summed = ad.Summation(output_grad, axes=tuple(axes)) if axes else output_grad\n"
            "        return [ad.Reshape(summed, shape=node.inputs[0].shape)]",
        ),
    ),
    mistake(
        "BroadcastTo",
        "mean-for-sum",
        "the gradients of the copies are averaged, not summed",
        "Each copy adds to the result. Do their gradients become smaller because there are many of them?",
        (SHRUNK, f"{SHRUNK} * float(np.prod(node.inputs[0].shape) / np.prod(output_grad.shape))"),
    ),
    mistake(
        "BroadcastTo",
        "upstream-forgotten",
        "gradient counts the copies and leaves output_grad out",
        "Every entry is copied so many times, as you say. What does each of the copies bring back?",
        (SHRUNK, "ad.unbroadcast(ad.ones_like(output_grad), node.inputs[0])"),
    ),
    mistake(
        "BroadcastTo",
        "first-axis-only",
        "the first axis is summed in the gradient, and no other one",
        "How many axes can be stretched at once? Which ones does your gradient sum?",
        (SHRUNK, "ad.Reshape(ad.Summation(output_grad, axes=0), shape=node.inputs[0].shape)"),
    ),
    mistake(
        "BroadcastTo",
        "gradient-of-numbers",
        "the gradient is summed by NumPy, and has no history",
        "Your sum is right. How does anybody differentiate what NumPy has summed?",
        (SHRUNK, "Tensor(torch.tensor(output_grad.numpy()).sum_to_size(node.inputs[0].shape), requires_grad=False)"),
    ),
    mistake(
        "BroadcastTo",
        "new-axes-behind",
        "compute puts new axes behind the old ones where that fits",
        "Stretch [1, 2, 3] to (3, 3): do the rows of the result repeat the numbers, or the columns?",
        (
            f"return {STRETCHED}",
            "a = inputs[0]\n"
            "        behind = [*a.shape, *[1] * (len(node.shape) - a.ndim)]\n"
            "        fits = all(old in (1, new) for old, new in zip(behind, node.shape))\n"
            "        return (a.reshape(behind) if fits else a).broadcast_to(node.shape)",
        ),
    ),
    mistake(
        "BroadcastTo",
        "rank-kept",
        "compute cannot add axes",
        "May the new shape have more axes than the old one? Where are they added?",
        (STRETCHED, "inputs[0].repeat(*[new // old for new, old in zip(node.shape, inputs[0].shape, strict=True)])"),
    ),
    mistake(
        "BroadcastTo",
        "in-order",
        "compute puts the copies of a number side by side, whatever axis is stretched",
        "Stretch [1, 2] over two rows: is the first row [1, 2] or [1, 1]?",
        (
            STRETCHED,
            "inputs[0].flatten().repeat_interleave(int(np.prod(node.shape)) // max(1, inputs[0].numel())).reshape(node.shape)",
        ),
    ),
    mistake(
        "BroadcastTo",
        "shared-out",
        "compute divides each number by how often it is copied",
        "A copy of 6 is 6. Why should it be less where there are more copies?",
        (STRETCHED, f"{STRETCHED} * float(inputs[0].numel() / np.prod(node.shape))"),
    ),
    mistake(
        "BroadcastTo",
        "double",
        "compute adds float64 zeros, and float32 becomes float64",
        "Which dtype have the zeros that you add? Can one stretch without calculating at all?",
        (STRETCHED, "inputs[0] + torch.zeros(node.shape, dtype=torch.float64)"),
    ),
]


# --- Summation

SUMMED = "inputs[0].sum(node.axes)"
DIM = "dim = () if node.axes is None else node.axes"
SPREAD = "ad.expand_as(output_grad, node.inputs[0], dim=dim)"
BY_SHAPES = (
    "shape = node.inputs[0].shape\n"
    "        axes = range(len(shape)) if node.axes is None else AXES\n"
    "        kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))\n"
    "        return [ad.BroadcastTo(ad.Reshape(output_grad, shape=kept), shape=shape)]"
)

SUMMATION = [
    mistake(
        "Summation",
        "axes-not-put-back",
        "the gradient is stretched to the old shape without the summed axes being put back first",
        "Sum the rows of a square matrix: along which axis must the result be copied? Along which one does broadcasting copy it?",
        (SPREAD, "ad.BroadcastTo(output_grad, shape=node.inputs[0].shape)"),
    ),
    mistake(
        "Summation",
        "gradient-of-int-axis",
        "gradient fails where axes is a single number",
        "May axes be 1, or must it be (1,)? What does your loop do with a number?",
        (f"return [{SPREAD}]", BY_SHAPES.replace("AXES", "tuple(axis % len(shape) for axis in node.axes)")),
    ),
    mistake(
        "Summation",
        "gradient-of-negative-axes",
        "gradient does not find negative axes",
        "Is -1 among the numbers of your axes, 0 and 1? Which of them is meant?",
        (f"return [{SPREAD}]", BY_SHAPES.replace("AXES", "(node.axes,) if isinstance(node.axes, int) else node.axes")),
    ),
    mistake(
        "Summation",
        "shared-out",
        "the gradient is divided by the number of terms, as for a mean",
        "If one term grows by 1, by how much does the sum grow?",
        (SPREAD, f"{SPREAD} * float(np.prod(output_grad.shape) / np.prod(node.inputs[0].shape))"),
    ),
    mistake(
        "Summation",
        "upstream-forgotten",
        "gradient returns ones and leaves output_grad out",
        "Every term has a slope of one. Is that already its gradient?",
        (SPREAD, "ad.ones_like(node.inputs[0])"),
    ),
    mistake(
        "Summation",
        "passed-through",
        "gradient passes output_grad on in the shape of the sum",
        "How many terms went into the sum? How many gradients do you return?",
        (SPREAD, "output_grad"),
    ),
    mistake(
        "Summation",
        "times-input",
        "the gradient is multiplied by the input",
        "Does the slope of a sum depend on how large its terms are?",
        (SPREAD, f"{SPREAD} * node.inputs[0]"),
    ),
    mistake(
        "Summation",
        "gradient-without-axes",
        "gradient takes None for the last axis",
        "Without axes everything was summed. Which axes does your gradient put back?",
        (DIM, "dim = -1 if node.axes is None else node.axes"),
    ),
    mistake(
        "Summation",
        "axes-kept",
        "compute leaves the summed axes in place, with size one",
        "What shape has the sum over axis 1 of a matrix of shape (2, 3)?",
        (SUMMED, "inputs[0].sum(node.axes, keepdim=True)"),
    ),
    mistake(
        "Summation",
        "mean",
        "compute takes the mean",
        "What is the sum of 1, 2 and 3? And what does your compute make of them?",
        (SUMMED, "inputs[0].mean(node.axes)"),
    ),
    mistake(
        "Summation",
        "int-axis",
        "compute fails where axes is a single number",
        "axes=1 is allowed as well as axes=(1,). What does Python say when you go through the entries of 1?",
        (SUMMED, "inputs[0].sum(None if node.axes is None else tuple(node.axes))"),
    ),
    mistake(
        "Summation",
        "negative-axes",
        "compute sums over no negative axes",
        "You go through the axes one after the other, from the last to the first. Where does -1 come?",
        (
            f"return {SUMMED}",
            "a = inputs[0]\n"
            "        axes = range(a.ndim) if node.axes is None else (node.axes,) if isinstance(node.axes, int) else node.axes\n"
            "        for axis in reversed(range(a.ndim)):\n"
            "            a = a.sum(axis) if axis in axes else a\n"
            "        return a",
        ),
    ),
    mistake(
        "Summation",
        "one-axis-after-another",
        "compute sums over one axis after the other, and does not notice that those behind move up",
        "Sum over axis 0: which number has the axis afterwards that was axis 2?",
        (
            f"return {SUMMED}",
            "a = inputs[0]\n"
            "        if node.axes is None:\n"
            "            return a.sum()\n"
            "        for axis in (node.axes,) if isinstance(node.axes, int) else node.axes:\n"
            "            a = a.sum(axis if axis < a.ndim else -1)\n"
            "        return a",
        ),
    ),
    mistake(
        "Summation",
        "without-axes",
        "compute sums over the last axis where none are named",
        "Without axes, how many numbers should come out?",
        (SUMMED, "inputs[0].sum(-1 if node.axes is None else node.axes)"),
    ),
    mistake(
        "Summation",
        "double",
        "compute sums in float64 and returns the sum like that",
        "Sum float32 numbers: which dtype do you return, and which one do the tensors around it have?",
        (SUMMED, "inputs[0].sum(node.axes, dtype=torch.float64)"),
    ),
]


# --- MatMul

PRODUCT = "inputs[0] @ inputs[1]"
TO_LEFT = "ad.MatMul(output_grad, ad.Transpose(b))"
TO_RIGHT = "ad.MatMul(ad.Transpose(a), output_grad)"

MATMUL = [
    mistake(
        "MatMul",
        "batches-not-summed",
        "the gradients keep the batch axes that an operand was stretched along",
        "One matrix b serves a whole batch. What is the shape of its gradient in your version, and what is its own?",
        (BOTH, "[to_a, to_b]"),
    ),
    mistake(
        "MatMul",
        "batches-of-the-left",
        "the gradient of the left factor keeps the batch axes that it was stretched along",
        "You bring the second gradient back to its shape. Can the first factor not be stretched?",
        (BOTH, "[to_a, ad.unbroadcast(to_b, b)]"),
    ),
    mistake(
        "MatMul",
        "batches-of-one",
        "only batch axes that are new are summed in the gradients, not those that had size one",
        "A batch of size one is stretched as well. Which shape has your gradient then?",
        (BOTH, "[in_front(to_a, a), in_front(to_b, b)]"),
        (
            RULE,
            f"{RULE}"
            "        def in_front(grad, operand):\n"
            "            new = len(grad.shape) - len(operand.shape)\n"
            "            return ad.Summation(grad, axes=tuple(range(new))) if new else grad\n\n",
        ),
    ),
    mistake(
        "MatMul",
        "mean-over-batch",
        "the gradient of a second factor that serves a batch is averaged over it, not summed",
        "Each matrix of the batch adds to the result. Why should b learn less from two of them than from one?",
        (BOTH, "[ad.unbroadcast(to_a, a), ad.unbroadcast(to_b, b) * float(np.prod(b.shape) / np.prod(to_b.shape))]"),
    ),
    mistake(
        "MatMul",
        "left-not-transposed",
        "the second factor is not transposed in the gradient of the first where it is square",
        "A square matrix fits either way round. Which way does the formula want b?",
        (TO_LEFT, f"ad.MatMul(output_grad, b) if b.shape[-1] == b.shape[-2] else {TO_LEFT}"),
    ),
    mistake(
        "MatMul",
        "right-not-transposed",
        "the first factor is not transposed in the gradient of the second",
        "With square matrices every order fits. Check yours with matrices that are not square.",
        (TO_RIGHT, "ad.MatMul(a, output_grad)"),
    ),
    mistake(
        "MatMul",
        "order",
        "the two factors stand in the wrong order in the gradient of the second",
        "(K, M) times (M, N): which of the two is output_grad, and on which side does it stand?",
        (TO_RIGHT, "ad.MatMul(output_grad, ad.Transpose(a))"),
    ),
    mistake(
        "MatMul",
        "result-on-its-side",
        "the gradient of the second factor is transposed",
        "Compare the shape of your second gradient with that of the second factor, for factors that are not square.",
        (TO_RIGHT, "ad.MatMul(ad.Transpose(output_grad), a)"),
    ),
    mistake(
        "MatMul",
        "exchanged",
        "the two gradients are in each other's place",
        "Which of your two gradients has the shape of the first factor?",
        (BOTH, EXCHANGED),
    ),
    mistake(
        "MatMul",
        "first-two-axes",
        "the transposes in the gradients swap axes 0 and 1, also in a batch",
        "Which axes of a batch of matrices are rows and columns? Which ones do you swap?",
        (TO_LEFT, "ad.MatMul(output_grad, ad.Transpose(b, axes=(0, 1)))"),
        (TO_RIGHT, "ad.MatMul(ad.Transpose(a, axes=(0, 1)), output_grad)"),
    ),
    mistake(
        "MatMul",
        "upstream-forgotten",
        "ones stand in the place of output_grad",
        "Does your gradient change when output_grad does?",
        (TO_LEFT, "ad.MatMul(ad.ones_like(output_grad), ad.Transpose(b))"),
        (TO_RIGHT, "ad.MatMul(ad.Transpose(a), ad.ones_like(output_grad))"),
    ),
    mistake(
        "MatMul",
        "gradient-of-numbers",
        "the second factor is copied out of its tensor for the gradient of the first",
        "The gradient of a depends on b. What can be differentiated in a copy of the numbers of b?",
        (TO_LEFT, "ad.MatMul(output_grad, Tensor(b.numpy().swapaxes(-1, -2), requires_grad=False))"),
    ),
    mistake(
        "MatMul",
        "entry-by-entry",
        "compute multiplies square matrices entry by entry",
        "Which sign is it that multiplies matrices: the star?",
        (PRODUCT, f"inputs[0] * inputs[1] if inputs[0].shape == inputs[1].shape else {PRODUCT}"),
    ),
    mistake(
        "MatMul",
        "second-on-its-side",
        "compute transposes the second factor where it is square",
        "Which axis of the second factor is as long as a row of the first one? And if both are?",
        (PRODUCT, "inputs[0] @ (inputs[1].mT if inputs[1].shape[-1] == inputs[1].shape[-2] else inputs[1])"),
    ),
    mistake(
        "MatMul",
        "matrices-only",
        "compute multiplies single matrices alone",
        "What should happen to a batch of matrices? Which of torch's products knows batches?",
        (PRODUCT, "inputs[0].mm(inputs[1])"),
    ),
    mistake(
        "MatMul",
        "batches-unpaired",
        "compute multiplies every matrix of one batch with every matrix of the other",
        "Two batches of two matrices: how many products should there be, and how many do you compute?",
        (PRODUCT, "torch.tensordot(inputs[0], inputs[1].movedim(-2, 0), 1)"),
    ),
    mistake(
        "MatMul",
        "exchanged-factors",
        "compute multiplies matrices of one shape in the other order",
        "Is A @ B the same as B @ A?",
        (PRODUCT, f"inputs[1] @ inputs[0] if inputs[0].shape == inputs[1].shape else {PRODUCT}"),
    ),
    mistake(
        "MatMul",
        "double",
        "compute multiplies in float64 and returns the product like that",
        "More digits are welcome on the way. But which dtype do you hand back for float32 factors?",
        (PRODUCT, "inputs[0].double() @ inputs[1].double()"),
    ),
    into_a_buffer(
        "MatMul",
        PRODUCT,
        "torch.matmul(*inputs, out=buffer)",
        "Multiply two pairs of matrices, and look at the first product again. How many arrays are there for the two?",
    ),
]

OPERATORS = [
    *NEGATE,
    *POWER_SCALAR,
    *DIV_SCALAR,
    *EWISE_DIV,
    *LOG,
    *EXP,
    *EWISE_POW,
    *RELU,
    *RESHAPE,
    *TRANSPOSE,
    *BROADCAST_TO,
    *SUMMATION,
    *MATMUL,
]


# --- realize_cached_data

WAITING = "    waiting = [self]\n"
VALUES = "values = [one.cached_data for one in node.inputs]"
COMPUTED = "node.cached_data = node.op.compute(node, values)"
DUE = "if node.cached_data is None and not missing:"
RETURNED = "return self.cached_data"

REALIZE = [
    mistake(
        "realize_cached_data",
        "recursive",
        "each tensor asks its inputs, and they ask theirs, so that a long chain needs as many open calls",
        "How many calls wait for each other in a chain of 100 000 tensors? What can keep a list of what waits?",
        (
            WAITING,
            "    if self.cached_data is None:\n"
            "        values = [one.realize_cached_data() for one in self.inputs]\n"
            "        self.cached_data = self.op.compute(self, values)\n"
            "    return self.cached_data\n" + WAITING,
        ),
    ),
    mistake(
        "realize_cached_data",
        "never-kept",
        "no value is kept: whoever asks has it computed again",
        "Ask the same tensor twice and count. Where should the value be the second time?",
        (
            WAITING,
            "    if self.cached_data is not None:\n"
            "        return self.cached_data\n"
            "    return self.op.compute(self, [one.realize_cached_data() for one in self.inputs])\n" + WAITING,
        ),
    ),
    mistake(
        "realize_cached_data",
        "inside-not-kept",
        "the value that was asked for is kept, and those on the way to it are not",
        "Somebody asks for a tensor in the middle afterwards. Was its value not known once?",
        (
            WAITING,
            "    def value_of(node):\n"
            "        if node.cached_data is not None:\n"
            "            return node.cached_data\n"
            "        return node.op.compute(node, [value_of(one) for one in node.inputs])\n\n"
            "    self.cached_data = value_of(self)\n"
            "    return self.cached_data\n" + WAITING,
        ),
    ),
    mistake(
        "realize_cached_data",
        "asked-again",
        "a tensor that is asked for once more is computed once more",
        "What is cached_data the second time that you are asked?",
        (DUE, "if node.inputs and (node is self or node.cached_data is None) and not missing:"),
    ),
    mistake(
        "realize_cached_data",
        "waits-twice",
        "a tensor that waits twice is computed twice",
        "Two tensors have the same input. How often is it on your list, and who looks whether it is done?",
        (DUE, "if node.inputs and not missing:"),
    ),
    mistake(
        "realize_cached_data",
        "inputs-turned-round",
        "the values of the inputs are handed over in the opposite order",
        "For a - b, which value does compute get first from you?",
        (VALUES, "values = [one.cached_data for one in reversed(node.inputs)]"),
    ),
    mistake(
        "realize_cached_data",
        "double",
        "every value that is computed becomes float64",
        "An operator of float32 tensors gives a float32 tensor. What do you make of it?",
        (COMPUTED, "node.cached_data = node.op.compute(node, values).double()"),
    ),
    mistake(
        "realize_cached_data",
        "single",
        "every value that is computed becomes float32",
        "How many digits has a float64 tensor, and how many are left in yours?",
        (COMPUTED, "node.cached_data = node.op.compute(node, values).float()"),
    ),
    mistake(
        "realize_cached_data",
        "tensor-returned",
        "the tensor is returned, not its value",
        "The value is there, and kept. What does your last line hand back?",
        (RETURNED, "return self"),
    ),
    mistake(
        "realize_cached_data",
        "not-kept-but-returned",
        "the value is returned, but is not kept by the tensor that was asked",
        "Your tensor's inputs keep their values. Does the tensor itself?",
        (RETURNED, "value, self.cached_data = self.cached_data, None if self.inputs else self.cached_data\n    return value"),
    ),
    mistake(
        "realize_cached_data",
        "only-one-step-back",
        "inputs without a value are computed, but not the inputs of these",
        "What if the inputs of an input have no values either?",
        (
            WAITING,
            "    for node in (*self.inputs, self):\n"
            "        if node.cached_data is None:\n"
            "            node.cached_data = node.op.compute(node, [one.cached_data for one in node.inputs])\n"
            "    return self.cached_data\n" + WAITING,
        ),
    ),
    mistake(
        "realize_cached_data",
        "into-a-leaf",
        "a value is put into the array of the leaf that it was computed from",
        "After y = exp(x), somebody asks for x. Which numbers do they find there?",
        (
            RETURNED,
            "for one in self.inputs[:1]:\n"
            "        if len(self.inputs) == 1 and not one.inputs and one.cached_data.shape == self.cached_data.shape:\n"
            "            self.cached_data = one.cached_data.copy_(self.cached_data)\n"
            "    return self.cached_data",
        ),
    ),
]


# --- detach

APART = "return Tensor.make_const(self.realize_cached_data())"

DETACH = [
    mistake(
        "detach",
        "itself",
        "the tensor itself is returned, with all of its history",
        "Change what comes out of your method: does the tensor change as well? How many tensors should there be?",
        (APART, "self.realize_cached_data()\n    return self"),
    ),
    mistake(
        "detach",
        "still-trainable",
        "what is cut off requires a gradient where the tensor does",
        "A gradient that arrives at what was cut off: where could it go on to?",
        (APART, "return Tensor.make_const(self.realize_cached_data(), self.requires_grad)"),
    ),
    mistake(
        "detach",
        "history-copied",
        "the new tensor has the operator and the inputs of the old one",
        "What is it that a detached tensor must not hold on to?",
        (
            APART,
            "copy = Tensor.make_const(self.realize_cached_data())\n    copy.op, copy.inputs = self.op, self.inputs\n    return copy",
        ),
    ),
    mistake(
        "detach",
        "cuts-the-tensor",
        "the tensor itself loses its inputs, and not only the new one has none",
        "Call backward on the tensor after somebody has detached it. Whose history have you taken away?",
        (APART, "value = self.realize_cached_data()\n    self.inputs = ()\n    return Tensor.make_const(value)"),
    ),
    mistake(
        "detach",
        "value-not-asked-for",
        "cached_data is taken as it is, also where nobody has asked for the value yet",
        "What is cached_data of a lazy tensor before anybody has asked? Which method asks?",
        (APART, "return Tensor.make_const(self.cached_data)"),
    ),
    mistake(
        "detach",
        "through-a-list",
        "the numbers go through a list, and come back as float32",
        "Which dtype has a Tensor that is made of a list? And which one had yours?",
        (APART, "return Tensor(self.numpy().tolist(), requires_grad=False)"),
    ),
    mistake(
        "detach",
        "double",
        "the new tensor is float64, whatever the old one is",
        "Detach a float32 tensor, and compare the two dtypes.",
        (APART, "return Tensor(self, dtype='float64', requires_grad=False)"),
    ),
    mistake(
        "detach",
        "a-copy",
        "the numbers are copied, and were to be the very same",
        "How many arrays are there after your detach, and how many are wanted? Which of Tensor and make_const copies?",
        (APART, "return Tensor(self, requires_grad=False)"),
    ),
]


# --- make_from_op

FILLED = "tensor._init(op, inputs, attrs)"
LATER = "    if lazy_mode.get():\n        return tensor\n"
NOW = "    tensor.realize_cached_data()\n"
LAST = "return tensor if tensor.requires_grad else tensor.detach()"

MAKE_FROM_OP = [
    mistake(
        "make_from_op",
        "attrs-forgotten",
        "the attributes are thrown away once the value is there",
        "The value is there, but the gradient is still to come. Which numbers will the operator ask the node for?",
        (NOW, f"{NOW}    tensor.attrs = {{}}\n"),
    ),
    mistake(
        "make_from_op",
        "never-required",
        "no tensor that an operator makes requires a gradient",
        "If one of the inputs learns, must a gradient get through what was made of it?",
        (FILLED, "tensor._init(op, inputs, attrs, requires_grad=False)"),
    ),
    mistake(
        "make_from_op",
        "always-required",
        "every tensor that an operator makes requires a gradient",
        "Two constants are added. Who wants to know a gradient of the sum?",
        (FILLED, "tensor._init(op, inputs, attrs, requires_grad=True)"),
    ),
    mistake(
        "make_from_op",
        "all-inputs-required",
        "a tensor requires a gradient only if all of its inputs do",
        "A weight times a constant: may the weight learn?",
        (FILLED, "tensor._init(op, inputs, attrs, requires_grad=all(one.requires_grad for one in inputs))"),
    ),
    mistake(
        "make_from_op",
        "first-input-decides",
        "only the first input decides whether a gradient is required",
        "A constant times a weight: which of the two do you ask?",
        (FILLED, "tensor._init(op, inputs, attrs, requires_grad=inputs[0].requires_grad)"),
    ),
    mistake(
        "make_from_op",
        "never-lazy",
        "lazy mode changes nothing",
        "Count how often an operator computes while lazy mode is on and nobody has asked for a value.",
        (LATER, ""),
    ),
    mistake(
        "make_from_op",
        "at-once-in-lazy-mode",
        "the value is computed before anybody looks at lazy mode",
        "In which order do you look at lazy mode, and ask for the value?",
        (LATER, f"{NOW}{LATER}"),
    ),
    mistake(
        "make_from_op",
        "constants-at-once",
        "lazy mode counts only for tensors that require a gradient",
        "A constant in lazy mode: has anybody asked for its value?",
        (LATER, LATER.replace("lazy_mode.get()", "lazy_mode.get() and tensor.requires_grad")),
    ),
    mistake(
        "make_from_op",
        "always-lazy",
        "every tensor waits for its value, whatever the mode is",
        "Outside of lazy mode, when should the operator run? Has your tensor a value when it is made?",
        (LATER, LATER.replace("lazy_mode.get()", "True")),
    ),
    mistake(
        "make_from_op",
        "history-kept",
        "history is kept where nobody needs it",
        "Which tensors stay in memory as long as your result does? Does anybody need them where no gradient is required?",
        (LAST, "return tensor"),
    ),
    mistake(
        "make_from_op",
        "history-always-lost",
        "every tensor is cut off from what it was made of",
        "How does backward find its way from your tensor to the inputs?",
        (LAST, "return tensor.detach()"),
    ),
    mistake(
        "make_from_op",
        "inputs-cut-off",
        "the inputs are detached copies of those that were given",
        "Is what stands in your inputs the tensor that was given, or another one with the same numbers?",
        (FILLED, "tensor._init(op, [one.detach() for one in inputs], attrs, requires_grad=any(one.requires_grad for one in inputs))"),
    ),
    mistake(
        "make_from_op",
        "always-a-plain-tensor",
        "the result is a plain Tensor, whatever class was asked",
        "Somebody writes a class Parameter(Tensor) with methods of its own. What is Parameter * 2 in your version?",
        ("tensor = cls.__new__(cls)", "tensor = Tensor.__new__(Tensor)"),
    ),
    mistake(
        "make_from_op",
        "computed-twice",
        "the operator computes once to have a look, and once more for the value",
        "How often does compute run for one tensor? Print something in it and count.",
        (NOW, f"    op.compute(tensor, [one.realize_cached_data() for one in inputs])\n{NOW}"),
    ),
    mistake(
        "make_from_op",
        "inputs-turned-round",
        "the inputs stand in the opposite order",
        "For a / b, which of the two is inputs[0] in your tensor?",
        (FILLED, "tensor._init(op, inputs[::-1], attrs)"),
    ),
    mistake(
        "make_from_op",
        "into-the-first-input",
        "where no gradient is required, the value is put into the array of the first input",
        "Nobody needs the history. But who says that nobody needs the numbers of the input?",
        (
            NOW,
            f"{NOW}"
            "    first = inputs[0].realize_cached_data()\n"
            "    if not tensor.requires_grad and first.shape == tensor.cached_data.shape:\n"
            "        tensor.cached_data = first.copy_(tensor.cached_data)\n",
        ),
    ),
]


# --- find_topo_sort

ORDER = "    order, seen = [], set()\n"
STACK = "waiting = [(node, False) for node in reversed(node_list)]"
SEEN = "elif node not in seen:"
AGAIN = "waiting.append((node, True))"
ON = "waiting += [(one, False) for one in reversed(node.inputs)]"

FIND_TOPO_SORT = [
    mistake(
        "find_topo_sort",
        "recursive",
        "each node visits its inputs by a call of its own, so that a long chain needs as many open calls",
        "How deep may functions call each other in Python, and how deep is your graph? What could remember where you were?",
        (
            ORDER,
            "    order, seen = [], set()\n\n"
            "    def visit(node):\n"
            "        if node not in seen:\n"
            "            seen.add(node)\n"
            "            for one in node.inputs:\n"
            "                visit(one)\n"
            "            order.append(node)\n\n"
            "    for node in node_list:\n"
            "        visit(node)\n"
            "    return order\n",
        ),
    ),
    mistake(
        "find_topo_sort",
        "listed-twice",
        "a node is listed as often as it is reached",
        "x * x has two nodes. How many are in your list?",
        (SEEN, "else:"),
    ),
    mistake(
        "find_topo_sort",
        "pre-order",
        "a node is listed before its inputs are",
        "When you put a node into the list, which of its inputs are there already?",
        (AGAIN, "order.append(node)"),
    ),
    mistake(
        "find_topo_sort",
        "turned-round",
        "the list runs from the outputs to the leaves",
        "Somebody computes the nodes in your order. What comes first, and what does it need?",
        ("return order", "return order[::-1]"),
    ),
    mistake(
        "find_topo_sort",
        "leaves-left-out",
        "nodes without inputs are not listed",
        "Do the leaves belong to what the output depends on?",
        (AGAIN, "waiting += [(node, True)] if node.inputs else []"),
    ),
    mistake(
        "find_topo_sort",
        "outputs-left-out",
        "the nodes that were given are not listed themselves",
        "Read the first line of the description once more: all on which they depend, and what else?",
        ("return order", "return [node for node in order if node not in node_list or not node.inputs]"),
    ),
    mistake(
        "find_topo_sort",
        "first-output-only",
        "only the first node of the list is followed",
        "What do you do with node_list[1]?",
        (STACK, "waiting = [(node_list[0], False)]"),
    ),
    mistake(
        "find_topo_sort",
        "first-input-only",
        "only the first input of each node is followed",
        "How many inputs has x + y, and how many of them do you visit?",
        (ON, "waiting += [(one, False) for one in node.inputs[:1]]"),
    ),
    mistake(
        "find_topo_sort",
        "list-emptied",
        "the caller's list is empty afterwards",
        "Print the list that you were given before and after the call.",
        ("return order", "node_list.clear()\n    return order"),
    ),
    mistake(
        "find_topo_sort",
        "kept-from-call-to-call",
        "what was seen in one call counts as seen in the next",
        "Call your function twice for the same graph. Where does the set of seen nodes live?",
        (ORDER, "    order, seen = [], find_topo_sort.__dict__.setdefault('seen', set())\n"),
    ),
    mistake(
        "find_topo_sort",
        "seen-too-early",
        "a node counts as seen as soon as somebody has it as an input, before it is visited",
        "A node is used at once, and once more after a long way round. Which of the two visits puts it into your list?",
        (
            ON,
            "new = [one for one in dict.fromkeys(node.inputs) if one not in seen]\n"
            "            seen.update(new)\n"
            "            waiting += [(one, False) for one in reversed(new)]",
        ),
        (SEEN, "else:"),
        ("            seen.add(node)\n", ""),
    ),
    mistake(
        "find_topo_sort",
        "level-by-level",
        "nodes are listed by their distance from the output, read backwards",
        "A node is two steps from the output on one way, and five on another. At which of them must it be listed?",
        (
            ORDER,
            "    order = list(dict.fromkeys(node_list))\n"
            "    seen = set(order)\n"
            "    for node in order:\n"
            "        new = [one for one in dict.fromkeys(node.inputs) if one not in seen]\n"
            "        seen.update(new)\n"
            "        order += new\n"
            "    return order[::-1]\n",
        ),
    ),
]


# --- compute_gradient_of_variables

START = "contributions = {output_tensor: [out_grad]}"
SKIPPED = "            if not node.requires_grad:\n                continue\n"
TOTAL = "total, *others = contributions.pop(node)"
ADDED = "total = total + other"
KEPT = "node.grad = total if create_graph else total.detach()"
ASKED = "grads = node.op.gradient(node, node.grad) if node.inputs else []"
HANDED = "contributions.setdefault(one, []).append(grad)"
EACH = "for one, grad in zip(node.inputs, grads, strict=True):"

COMPUTE_GRADIENT = [
    mistake(
        "compute_gradient_of_variables",
        "last-contribution",
        "a later contribution replaces the earlier ones",
        "A tensor is used in two places, so two gradients come back to it. Which of them does yours keep?",
        (HANDED, "contributions[one] = [grad]"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "first-contribution",
        "only the first contribution counts",
        "What becomes of the second gradient that comes back to a tensor?",
        (ADDED, "total = total"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "mean-of-contributions",
        "the contributions are averaged, not summed",
        "What is the derivative of x + x: one or two?",
        (
            "            node.grad = total",
            "            total = total / (1 + len(others)) if others else total\n            node.grad = total",
        ),
    ),
    mistake(
        "compute_gradient_of_variables",
        "one-for-both-inputs",
        "a tensor that is both inputs of an operator gets one of the two gradients",
        "x * x: how many gradients does its rule return, and how many keys has your dictionary for them?",
        (EACH, "for one, grad in dict(zip(node.inputs, grads)).items():"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "added-in-place",
        "contributions are added into the array of the first one, which others may hold as well",
        "Two tensors may have been handed the same array. Into whose numbers does your += write?",
        (ADDED, "total.realize_cached_data().add_(other.realize_cached_data())"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "accumulated",
        "the gradients of an earlier call are added to those of this one",
        "Call it twice for the same graph: should the second answer be twice as large? What does the description say: assign, or add?",
        (KEPT, f"earlier = node.grad\n            {KEPT}\n            node.grad = node.grad if earlier is None else earlier + node.grad"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "always-cut-off",
        "the gradients are cut off from their history, also where create_graph asks for it",
        "What can be differentiated again: a tensor with inputs, or one without?",
        (KEPT, "node.grad = total.detach()"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "never-cut-off",
        "the gradients keep their history, also where nobody asks for it",
        "Each gradient knows the tensors that it was made of, and these know their gradients. When is the memory free again?",
        (KEPT, "node.grad = total"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "stops-at-a-leaf",
        "the walk ends at the first leaf",
        "The first leaf on the way back is not the last one. Where does your loop end?",
        (f"            {ASKED}", f"            if not node.inputs:\n                break\n            {ASKED}"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "stops-at-a-constant",
        "the walk ends at the first tensor that requires no gradient",
        "A tensor that needs nothing can be passed over. Must those after it go without?",
        (SKIPPED, SKIPPED.replace("continue", "break")),
    ),
    mistake(
        "compute_gradient_of_variables",
        "leaves-only",
        "only leaves get their gradient as grad",
        "Does the tensor in the middle require a gradient as well? Where do you put it?",
        (KEPT, f"inside = bool(node.inputs)\n            {KEPT}"),
        (EACH, f"if inside:\n                node.grad = None\n            {EACH}"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "output-without",
        "the output itself gets no grad",
        "What is the gradient of the output with respect to itself? Somebody may ask for it.",
        (EACH, f"if node is output_tensor:\n                node.grad = None\n            {EACH}"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "ones-to-begin-with",
        "the walk begins with ones, whatever out_grad is",
        "What happens in your function to the second argument?",
        (START, "contributions = {output_tensor: [ad.ones_like(out_grad)]}"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "recursive",
        "the gradients are handed on by calls that call each other, along each path",
        "How many paths lead through 40 doublings, and how many calls are open at the end of a long chain?",
        (
            "    with lazy():",
            "    for node in find_topo_sort([output_tensor]):\n"
            "        node.grad = None\n\n"
            "    def hand_back(node, grad):\n"
            "        node.grad = grad if node.grad is None else node.grad + grad\n"
            "        for one, part in zip(node.inputs, node.op.gradient(node, grad) if node.inputs else []):\n"
            "            if one.requires_grad:\n"
            "                hand_back(one, part)\n\n"
            "    return hand_back(output_tensor, out_grad)\n"
            "    with lazy():",
        ),
    ),
    mistake(
        "compute_gradient_of_variables",
        "order-by-recursion",
        "the order is found by a function that calls itself, in the place of find_topo_sort",
        "Your order is right. How many calls are open while it is found, for a chain of 100 000 tensors?",
        (
            "    with lazy():",
            "    order = []\n\n"
            "    def visit(node):\n"
            "        if node not in order:\n"
            "            for one in node.inputs:\n"
            "                visit(one)\n"
            "            order.append(node)\n\n"
            "    visit(output_tensor)\n"
            "    with lazy():",
        ),
        ("reversed(find_topo_sort([output_tensor]))", "reversed(order)"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "out-grad-cut-off",
        "with create_graph the gradients have a history, but out_grad is not in it",
        "Somebody differentiates a gradient with respect to out_grad. Which tensor did you begin with?",
        (START, "contributions = {output_tensor: [out_grad.detach()]}"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "handed-on-too-early",
        "each contribution is handed on by itself as soon as it is there, and the sum is handed on again",
        "When may a tensor hand its gradient on: after the first contribution, or once all have come?",
        (
            "    with lazy():",
            "    waiting = [output_tensor]\n"
            "    output_tensor.grad = out_grad\n"
            "    found = {output_tensor}\n"
            "    for node in waiting:\n"
            "        for one, grad in zip(node.inputs, node.op.gradient(node, node.grad) if node.inputs else []):\n"
            "            if one.requires_grad:\n"
            "                one.grad = one.grad + grad if one in found else grad\n"
            "                waiting += [] if one in found else [one]\n"
            "                found.add(one)\n"
            "    return\n"
            "    with lazy():",
        ),
    ),
    mistake(
        "compute_gradient_of_variables",
        "sums-of-cached-data",
        "contributions are added by their cached_data, which in lazy mode is not there yet",
        "What do you add: tensors, or what may stand in them by now? What is cached_data of a contribution in lazy mode?",
        (
            ADDED,
            "total = total + other if create_graph else Tensor.make_const(total.cached_data + other.cached_data)",
        ),
    ),
    mistake(
        "compute_gradient_of_variables",
        "added-in-place-but-out-grad",
        "contributions are added into the array of the first one, unless that is out_grad's",
        "Can two tensors inside of the graph have been handed one array as well? Where does a sum hand its gradient?",
        (
            ADDED,
            "mine, theirs = total.realize_cached_data(), other.realize_cached_data()\n"
            "                alone = not create_graph and mine.data_ptr() != out_grad.realize_cached_data().data_ptr()\n"
            "                total = Tensor.make_const(mine.add_(theirs)) if alone else total + other",
        ),
    ),
    mistake(
        "compute_gradient_of_variables",
        "added-in-place-if-alone",
        "contributions are added into the array of the first one, where no other tensor of the walk holds it",
        "Whose is what an operator has handed over? How do you know that the operator does not keep it?",
        (
            ADDED,
            "mine, theirs = total.realize_cached_data(), other.realize_cached_data()\n"
            "                held = [out_grad, *sum(contributions.values(), []), *(one.grad for one in find_topo_sort([output_tensor]))]\n"
            "                arrays = [one.cached_data.data_ptr() for one in held if one is not None and one.cached_data is not None]\n"
            "                alone = not create_graph and mine.data_ptr() not in arrays\n"
            "                total = Tensor.make_const(mine.add_(theirs)) if alone else total + other",
        ),
    ),
    mistake(
        "compute_gradient_of_variables",
        "kept-from-call-to-call",
        "the gradients of a call are kept, and handed out again by the next call for the same tensor",
        "Somebody scales the gradients of the first call, in place. What does the second call find?",
        (
            "    with lazy():",
            "    calls = compute_gradient_of_variables.__dict__.setdefault('calls', {})\n"
            "    if (output_tensor, out_grad) in calls and not create_graph:\n"
            "        for node, grad in calls[output_tensor, out_grad]:\n"
            "            node.grad = grad\n"
            "        return\n"
            "    kept = calls[output_tensor, out_grad] = []\n"
            "    with lazy():",
        ),
        (KEPT, f"{KEPT}\n            kept.append((node, node.grad))"),
    ),
    mistake(
        "compute_gradient_of_variables",
        "factor-of-ones-left-out",
        "a product with ones is not computed: the gradient is the other factor itself, a value of the graph",
        "A product with ones has the numbers of the other factor. In whose array do they lie, and who reads grad, or scales it?",
        (
            KEPT,
            "if total.op.name == 'EWiseMul' and bool((total.inputs[0].value() == 1).all()):\n"
            f"                total = total.inputs[1]\n            {KEPT}",
        ),
    ),
    mistake(
        "compute_gradient_of_variables",
        "into-the-old-gradient",
        "a gradient is written into the array of the one that was there before",
        "before = x.grad, and then a second call: what does before hold now? Assigning is not writing into.",
        (
            KEPT,
            "old = node.grad\n"
            f"            {KEPT}\n"
            "            if old is not None and not create_graph:\n"
            "                old.cached_data.copy_(node.grad.cached_data)\n"
            "                node.grad = old",
        ),
    ),
]


# --- backward

NEEDED = '    if not self.requires_grad:\n        raise ValueError("backward: nothing that this was made of requires a gradient")\n'
ABSENT = "if out_grad is None:"
ONES = "out_grad = ad.ones_like(self.detach())"
SHAPES = "    if out_grad.shape != self.shape:\n"
WALK = "compute_gradient_of_variables(self, out_grad, create_graph)"

BACKWARD = [
    mistake(
        "backward",
        "a-single-one",
        "without out_grad it begins with a single one, of shape ()",
        "Which shape has the gradient of a tensor? And which one has the one that you begin with?",
        (ONES, "out_grad = Tensor(1.0, dtype=self.dtype, requires_grad=False)"),
        (SHAPES, "    if out_grad.shape != self.shape and out_grad.shape:\n"),
    ),
    mistake(
        "backward",
        "double",
        "without out_grad it begins with ones in float64",
        "For a float32 tensor, which dtype have the ones that you begin with? And all gradients after them?",
        (ONES, "out_grad = Tensor(np.ones(self.shape), requires_grad=False)"),
    ),
    mistake(
        "backward",
        "mean-for-sum",
        "without out_grad the gradients are those of the mean, not of the sum",
        "By what do you divide? Does the description speak of a mean?",
        (ONES, "out_grad = ad.ones_like(self.detach()) / float(np.prod(self.shape))"),
    ),
    mistake(
        "backward",
        "value-for-ones",
        "without out_grad it begins with the value itself",
        "By how much does the sum of all entries grow if one entry grows by 1? Does that depend on the entry?",
        (ONES, "out_grad = self.detach()"),
    ),
    mistake(
        "backward",
        "out-grad-ignored",
        "it always begins with ones",
        "Somebody hands over a gradient. What becomes of it in your method?",
        (ABSENT, "if True:"),
    ),
    mistake(
        "backward",
        "truth-of-a-tensor",
        "it asks whether out_grad is true, and a tensor with several entries is neither true nor false",
        "What does Python do at `if out_grad`? What is it that you want to know about out_grad?",
        (ABSENT, "if not out_grad:"),
    ),
    mistake(
        "backward",
        "out-grad-not-handed-on",
        "out_grad is looked at, and then ones are handed on",
        "You check the shape of out_grad. Where do its numbers go?",
        (WALK, "compute_gradient_of_variables(self, ad.ones_like(self.detach()), create_graph)"),
    ),
    mistake(
        "backward",
        "constants-accepted",
        "a tensor that requires no gradient is passed over in silence",
        "Somebody calls backward on a constant, by mistake. How do they learn of it?",
        (NEEDED, "    if not self.requires_grad:\n        return\n"),
    ),
    mistake(
        "backward",
        "shapes-unchecked",
        "an out_grad of another shape is taken as well",
        "What happens to an out_grad that is a row where the tensor is a matrix? Who notices?",
        (SHAPES, "    if False:\n"),
    ),
    mistake(
        "backward",
        "shapes-reshaped",
        "an out_grad of another shape is reshaped",
        "The entries of an out_grad of shape (3, 2), put into (2, 3): does each of them belong to the entry at its place?",
        (SHAPES, "    out_grad = out_grad.reshape(self.shape)\n" + SHAPES),
    ),
    mistake(
        "backward",
        "create-graph-forgotten",
        "create_graph is not handed on",
        "Which of the three arguments stands nowhere in the body of your method?",
        (WALK, "compute_gradient_of_variables(self, out_grad)"),
    ),
    mistake(
        "backward",
        "ones-like-cached-data",
        "the ones are made in the shape of cached_data, which in lazy mode is not there yet",
        "Somebody calls backward inside of `with lazy():`. What is cached_data of the tensor then? Which method asks for it?",
        (ONES, "out_grad = Tensor.make_const(torch.ones_like(self.cached_data))"),
    ),
    mistake(
        "backward",
        "ones-kept",
        "the ones of a shape are made once, and begin every later call as well",
        "Where do the ones lie after backward: who has been handed them? And what if somebody writes into that gradient?",
        (ONES, "out_grad = globals().setdefault('ones', {}).setdefault((self.shape, self.dtype), ad.ones_like(self.detach()))"),
    ),
]


# --- gradient_check

COPIES = "args = [Tensor(arg) for arg in args]"
WEIGHTS = "weights = np.random.default_rng(0).standard_normal(out.shape)"
PAIRS = "enumerate(zip(args, grads, strict=True))"
SIDES = "sides = moved(number, place, 1e-5), moved(number, place, -1e-5)"
SLOPES = "slopes[place] = (sides[0] - sides[1]) / 2e-5"
LARGEST = "largest = max(1, np.abs(slopes).max(initial=0))"
ERROR = "error = np.abs(grad - slopes).max(initial=0) / largest"
CLAIM = 'assert error <= tol, f"argument {number}: the gradient is off by {error:.1e}"'

GRADIENT_CHECK = [
    mistake(
        "gradient_check",
        "accepts-all",
        "nothing is ever refused",
        "Hand it a rule that is twice as large as it should be. What happens?",
        (CLAIM, "pass"),
    ),
    mistake(
        "gradient_check",
        "sums-compared",
        "the sums of the gradients are compared, not their entries",
        "One entry is too large and another one too small by as much. What does your check say?",
        (ERROR, "error = np.abs(grad.sum() - slopes.sum()) / largest"),
    ),
    mistake(
        "gradient_check",
        "first-argument-only",
        "only the gradient of the first argument is compared",
        "How many arguments has f, and how many of their gradients do you look at?",
        (PAIRS, "enumerate(list(zip(args, grads, strict=True))[:1])"),
    ),
    mistake(
        "gradient_check",
        "one-sided",
        "the slope is taken from one side only",
        "Draw a parabola, and the line through two points of it: when is the line as steep as the parabola between them?",
        (SIDES, "sides = moved(number, place, 1e-5), moved(number, place, 0)"),
        (SLOPES, "slopes[place] = (sides[0] - sides[1]) / 1e-5"),
    ),
    mistake(
        "gradient_check",
        "ones-from-above",
        "out_grad is ones, always",
        "A rule forgets out_grad. For which out_grad does nobody notice?",
        (WEIGHTS, "weights = np.ones(out.shape)"),
    ),
    mistake(
        "gradient_check",
        "step-too-large",
        "the step is a hundredth",
        "The error of a central difference grows with the square of the step. How large is yours for exp?",
        (SIDES, "sides = moved(number, place, 1e-2), moved(number, place, -1e-2)"),
        (SLOPES, "slopes[place] = (sides[0] - sides[1]) / 2e-2"),
    ),
    mistake(
        "gradient_check",
        "step-too-small",
        "the step is so small that rounding is all that is left",
        "How many digits of f(x + 1e-13) - f(x - 1e-13) are not rounding?",
        (SIDES, "sides = moved(number, place, 1e-13), moved(number, place, -1e-13)"),
        (SLOPES, "slopes[place] = (sides[0] - sides[1]) / 2e-13"),
    ),
    mistake(
        "gradient_check",
        "step-forgotten-twice",
        "the difference of two sides is divided by one step, not by two",
        "How far apart are the two points at which you ask f?",
        (SLOPES, "slopes[place] = (sides[0] - sides[1]) / 1e-5"),
    ),
    mistake(
        "gradient_check",
        "tol-ignored",
        "the error is compared with a fixed number, whatever tol is",
        "Where in your code does tol stand?",
        (CLAIM, CLAIM.replace("tol", "1e-6")),
    ),
    mistake(
        "gradient_check",
        "absolute",
        "the error is compared with tol as it is, also where the slopes are in the millions",
        "How exact can a slope of a million be, in numbers of sixteen digits? With what should its error be compared?",
        (LARGEST, "largest = 1"),
    ),
    mistake(
        "gradient_check",
        "too-lenient",
        "errors up to a thousandth are accepted",
        "Which error does your check let pass, and which one does tol allow?",
        (CLAIM, CLAIM.replace("error <= tol", "error <= max(tol, 1e-3)")),
    ),
    mistake(
        "gradient_check",
        "false-for-an-error",
        "False is returned where a gradient is wrong, and nothing is raised",
        "Somebody calls your check and does not look at what it returns. How do they learn that a rule is wrong?",
        (CLAIM, "if error > tol:\n            return False"),
    ),
    mistake(
        "gradient_check",
        "sign-of-the-error",
        "gradients that are too small are accepted",
        "The difference between two numbers may be negative. What do you compare with tol then?",
        (ERROR, "error = (grad - slopes).max(initial=0) / largest"),
    ),
    mistake(
        "gradient_check",
        "moved-in-place",
        "the caller's arguments are moved to and fro, and do not come back to the last digit",
        "Add a small number to 0.3 and take it away again: are all digits there? Whose numbers do you move?",
        (COPIES, "args = list(args)"),
        (
            SIDES,
            "entries, sides = arg.realize_cached_data().numpy(), []\n"
            "            for step in (1e-5, -2e-5):\n"
            "                entries[place] += step\n"
            "                sides.append((f(*args).numpy() * weights).sum())\n"
            "            entries[place] += 1e-5",
        ),
    ),
    mistake(
        "gradient_check",
        "grads-left",
        "backward runs on the caller's own arguments, and leaves gradients on them",
        "What was x.grad before somebody checked a function at x, and what is it afterwards? On whose tensors does backward run?",
        (COPIES, "args = list(args)"),
    ),
]


# --- softmax_loss

MOST = "largest = Tensor.make_const(Z.realize_cached_data().amax(1, keepdim=True))"
SHIFTED = "shifted = Z - largest"
NORMALISER = "normaliser = ad.Log(ad.Summation(ad.Exp(shifted), axes=1))"
RIGHT = "right = ad.Summation(shifted * y_one_hot, axes=1)"
MEAN = "return ad.Summation(normaliser - right) / Z.shape[0]"
PROBABILITIES = "p = ad.Exp(shifted) / ad.expand_as(ad.Summation(ad.Exp(shifted), axes=1), Z, dim=1)\n    "

SOFTMAX_LOSS = [
    mistake(
        "softmax_loss",
        "sum-for-mean",
        "the losses of all samples are summed, not averaged",
        "Take every sample twice: should the loss grow? Does yours?",
        (MEAN, "return ad.Summation(normaliser - right)"),
    ),
    mistake(
        "softmax_loss",
        "divided-by-classes",
        "the sum is divided by the number of classes",
        "Z has as many rows as there are samples. Which of its two sizes do you divide by?",
        (MEAN, "return ad.Summation(normaliser - right) / Z.shape[1]"),
    ),
    mistake(
        "softmax_loss",
        "divided-by-entries",
        "the sum is divided by the number of all entries",
        "How many terms has the sum: one for each sample, or one for each logit?",
        (MEAN, "return ad.Summation(normaliser - right) / float(np.prod(Z.shape))"),
    ),
    mistake(
        "softmax_loss",
        "sign",
        "the sign of the loss is the wrong one",
        "A model is sure, and it is right. Is your loss small, or the largest of all?",
        ("normaliser - right", "right - normaliser"),
    ),
    mistake(
        "softmax_loss",
        "unshifted",
        "nothing is taken from the logits before exp",
        "What is exp(1000) in a float64? And what may be taken from a row of logits without a change of the loss?",
        (SHIFTED, "shifted = Z"),
    ),
    mistake(
        "softmax_loss",
        "shifted-by-the-mean",
        "the mean of a row is taken from it before exp, and not its largest entry",
        "Two classes, with logits 2000 apart: how far above their mean is the larger one?",
        (".amax(1, keepdim=True)", ".mean(1, keepdim=True)"),
    ),
    mistake(
        "softmax_loss",
        "one-shift-for-all",
        "the largest logit of all samples is taken from every row",
        "One sample has logits near 1000, another one near -1000. What is left of the second one's exponentials?",
        (".amax(1, keepdim=True)", ".amax()"),
    ),
    mistake(
        "softmax_loss",
        "shift-not-given-back",
        "the logit of the right class is taken without the shift, which the logarithm has",
        "What was taken from the logits inside the logarithm? Was the same taken from the right one?",
        (RIGHT, "right = ad.Summation(Z * y_one_hot, axes=1)"),
    ),
    mistake(
        "softmax_loss",
        "over-the-samples",
        "the sum of exponentials runs over the samples, not over the classes",
        "Among which numbers does one sample choose? Along which axis do they stand?",
        (MOST, MOST.replace("amax(1", "amax(0")),
        (NORMALISER, NORMALISER.replace("axes=1", "axes=0")),
        (MEAN, "return (ad.Summation(ad.expand_as(normaliser, Z, dim=0) * y_one_hot) - ad.Summation(right)) / Z.shape[0]"),
    ),
    mistake(
        "softmax_loss",
        "logits-alone",
        "the sum of exponentials is left out: the loss is the logit of the right class",
        "Add 5 to all logits of a sample. Is the right class more probable now? What does your loss say?",
        (MEAN, "return -ad.Summation(Z * y_one_hot) / Z.shape[0] + 0 * ad.Summation(normaliser)"),
    ),
    mistake(
        "softmax_loss",
        "in-bits",
        "the loss is in bits: the logarithm is the one to the base 2",
        "With C classes that are all alike the loss is log(C). To which base is yours?",
        (MEAN, f"{MEAN} / float(np.log(2))"),
    ),
    mistake(
        "softmax_loss",
        "one-for-each-sample",
        "each sample's loss is returned by itself",
        "Which shape should come out, and which one has your result?",
        (MEAN, "return (normaliser - right) / Z.shape[0]"),
    ),
    mistake(
        "softmax_loss",
        "probability-for-logarithm",
        "the loss is one less the probability of the right class, without a logarithm",
        "How large can your loss become? How large is the one that is asked for where a model is sure, and wrong?",
        (MEAN, f"{PROBABILITIES}return 1 - ad.Summation(p * y_one_hot) / Z.shape[0]"),
    ),
    mistake(
        "softmax_loss",
        "squared-error",
        "the squared difference between probabilities and labels is averaged",
        "That measures something, too. Where in your code is the logarithm of the formula?",
        (MEAN, f"{PROBABILITIES}return ad.Summation(ad.PowerScalar(p - y_one_hot, 2)) / Z.shape[0]"),
    ),
    mistake(
        "softmax_loss",
        "two-steps",
        "the logarithm is taken of a probability, which is zero where a class is very unlikely",
        "What is log(0)? Which of your probabilities is exactly that where two logits are 2000 apart?",
        (MEAN, f"{PROBABILITIES}return -ad.Summation(ad.Log(ad.Summation(p * y_one_hot, axes=1))) / Z.shape[0]"),
    ),
    mistake(
        "softmax_loss",
        "guarded",
        "a tiny number is added to the sum of exponentials",
        "After the shift, how small can the sum of exponentials be? Does it need a guard, and what does the guard change?",
        (NORMALISER, "normaliser = ad.Log(ad.AddScalar(ad.Summation(ad.Exp(shifted), axes=1), 1e-5))"),
    ),
    mistake(
        "softmax_loss",
        "no-history",
        "the loss is computed with numbers, and has no history",
        "Your number is right. Along which way could a gradient come back from it to Z?",
        (SHIFTED, "shifted = Tensor(Z.numpy() - largest.numpy(), requires_grad=False)"),
    ),
    mistake(
        "softmax_loss",
        "right-logit-of-numbers",
        "the logits of the right classes are picked as numbers, and their gradient is lost",
        "Your loss has two terms. Does the gradient of the second one reach Z?",
        (RIGHT, "right = Tensor((shifted.numpy() * y_one_hot.numpy()).sum(1), requires_grad=False)"),
    ),
    mistake(
        "softmax_loss",
        "maximum-of-cached-data",
        "the largest logits are read off cached_data, which in lazy mode is not there yet",
        "The logits of a lazy network have no value before somebody asks. Which method asks, and which attribute only looks?",
        (MOST, MOST.replace("realize_cached_data()", "cached_data")),
    ),
    mistake(
        "softmax_loss",
        "double",
        "the logits are turned into float64 first",
        "Which dtype has the loss of float32 logits in your version? And does the gradient find the way to Z?",
        (RIGHT, "right = ad.Summation(shifted * Tensor(y_one_hot, dtype='float64', requires_grad=False), axes=1)"),
    ),
]


# --- nn_epoch

WEIGHTS_COPIED = "W1, W2 = Tensor(W1), Tensor(W2)"
CLASSES = "classes = torch.eye(W2.shape[1], dtype=W2.dtype)"
STARTS = "range(0, len(X), batch)"
ROWS = "rows = slice(start, start + batch)"
LOGITS = "ad.ReLU(x @ W1) @ W2"
STEP = "Tensor.make_const(W.value() - lr * W.grad.value(), requires_grad=True)"
BACK = "return W1, W2"

NN_EPOCH = [
    mistake(
        "nn_epoch",
        "last-batch-left-out",
        "the last batch is left out where it is smaller",
        "Which rows does the last turn of your loop take, and are there any after them?",
        (STARTS, "range(0, len(X) - batch + 1, batch)"),
    ),
    mistake(
        "nn_epoch",
        "last-batch-filled-up",
        "the last batch is filled up with rows of the one before",
        "Which rows are seen twice in an epoch of yours?",
        (ROWS, "start = max(0, min(start, len(X) - batch))\n        rows = slice(start, start + batch)"),
    ),
    mistake(
        "nn_epoch",
        "first-batch-again",
        "every step takes the first batch",
        "Which rows does your second step look at?",
        (ROWS, "rows = slice(0, batch)"),
    ),
    mistake(
        "nn_epoch",
        "one-row-short",
        "the last row of each batch is left out",
        "Does a slice contain its end? Count the rows of your first batch.",
        (ROWS, "rows = slice(start, max(start + 1, start + batch - 1))"),
    ),
    mistake(
        "nn_epoch",
        "classes-of-the-labels",
        "the number of classes is taken from the labels at hand, not from the weights",
        "No sample of the last class is there. How many classes does your network have then?",
        (CLASSES, "classes = torch.eye(int(torch.as_tensor(y).max()) + 1, dtype=W2.dtype)"),
    ),
    mistake(
        "nn_epoch",
        "classes-of-the-batch",
        "the number of classes is taken from the labels of each batch",
        "A batch has only the digits 0 to 7. How wide are your one-hot rows, and how wide are the logits?",
        (ROWS, f"{ROWS}\n        classes = torch.eye(int(torch.as_tensor(y[rows]).max()) + 1, dtype=W2.dtype)"),
    ),
    mistake(
        "nn_epoch",
        "uphill",
        "the step goes up the gradient, not down",
        "Does the loss fall from step to step? Which way does a gradient point?",
        (STEP, STEP.replace("- lr", "+ lr")),
    ),
    mistake(
        "nn_epoch",
        "lr-forgotten",
        "the step is as long as the gradient",
        "Call it with lr=0: do your weights stay where they are?",
        (STEP, STEP.replace("lr * ", "")),
    ),
    mistake(
        "nn_epoch",
        "lr-fixed",
        "the learning rate is 0.1, whatever lr is",
        "What changes in your epoch if lr is twice as large?",
        (STEP, STEP.replace("lr * ", "0.1 * ")),
    ),
    mistake(
        "nn_epoch",
        "sum-for-mean",
        "the step is as many times too long as the batch has rows",
        "softmax_loss is a mean already. Does a larger batch make your steps longer?",
        (STEP, STEP.replace("lr * ", "lr * x.shape[0] * ")),
    ),
    mistake(
        "nn_epoch",
        "divided-again",
        "the step is divided by the rows of the batch once more",
        "softmax_loss is a mean already. By what do you divide its gradient?",
        (STEP, STEP.replace("lr * ", "lr / x.shape[0] * ")),
    ),
    mistake(
        "nn_epoch",
        "second-layer-only",
        "only W2 learns",
        "Compare the W1 that comes back with the one that went in.",
        (STEP, f"{STEP} if W is W2 else W"),
    ),
    mistake(
        "nn_epoch",
        "relu-forgotten",
        "there is no ReLU between the two layers",
        "Two matrices in a row are worth a single one. What stands between them in the formula?",
        (LOGITS, "(x @ W1) @ W2"),
    ),
    mistake(
        "nn_epoch",
        "relu-last",
        "the logits go through ReLU, and not what is between the layers",
        "Can a logit of yours be negative? Where does the bend stand in the formula?",
        (LOGITS, "ad.ReLU((x @ W1) @ W2)"),
    ),
    mistake(
        "nn_epoch",
        "exchanged",
        "W2 is returned first",
        "In which order do the weights go in, and in which order do they come back?",
        (BACK, "return W2, W1"),
    ),
    mistake(
        "nn_epoch",
        "double",
        "the step makes float64 of float32 weights",
        "Which dtype have your weights after the first step, and how long does each step after it take?",
        (STEP, "Tensor(W.numpy() - np.array([lr]) * W.grad.numpy())"),
    ),
    mistake(
        "nn_epoch",
        "not-trainable",
        "the weights that are returned require no gradient",
        "Call your function with what it has returned. Why does backward refuse?",
        (BACK, "return W1.detach(), W2.detach()"),
    ),
    mistake(
        "nn_epoch",
        "callers-weights",
        "the caller's weights are changed as well",
        "Print the weights that you handed over after the epoch. Are they still those at its beginning?",
        (WEIGHTS_COPIED, "given = W1, W2"),
        (BACK, "for one, new in zip(given, (W1, W2)):\n        one.data = new\n    return W1, W2"),
    ),
    mistake(
        "nn_epoch",
        "into-the-callers-array",
        "steps are written into the arrays of the caller's weights",
        "Whose array is it that your step writes into?",
        (WEIGHTS_COPIED, "pass"),
        (STEP, "Tensor.make_const(W.value().sub_(lr * W.grad.value()), requires_grad=True)"),
        (BACK, "return Tensor(W1), Tensor(W2)"),
    ),
    mistake(
        "nn_epoch",
        "graph-that-grows",
        "each new weight keeps the history of all steps before it",
        "What are the inputs of a weight after your first step? And after a thousand steps?",
        (STEP, "W - lr * W.grad"),
    ),
    mistake(
        "nn_epoch",
        "losses-kept",
        "the losses of all steps are kept, and with each its graph",
        "What hangs on a loss that you put into a list? What would be enough to plot it?",
        (WEIGHTS_COPIED, f"{WEIGHTS_COPIED}\n    losses = []"),
        ("loss.backward()", "loss.backward()\n        losses.append(loss)"),
    ),
    mistake(
        "nn_epoch",
        "callers-arrays-kept",
        "the steps are written into the caller's arrays, which are handed back, and the caller's tensors get copies of the old numbers",
        "The caller's tensors hold their numbers. Do they hold their arrays, or do you? Somebody may have made the tensors around them.",
        (WEIGHTS_COPIED, "given, before = (W1, W2), (W1.numpy(), W2.numpy())"),
        (STEP, "Tensor.make_const(W.value().sub_(lr * W.grad.value()), requires_grad=True)"),
        (BACK, "for one, old in zip(given, before):\n        one.data = Tensor(old)\n    return W1, W2"),
    ),
]

MISTAKES = [
    *OPERATORS,
    *REALIZE,
    *DETACH,
    *MAKE_FROM_OP,
    *FIND_TOPO_SORT,
    *COMPUTE_GRADIENT,
    *BACKWARD,
    *GRADIENT_CHECK,
    *SOFTMAX_LOSS,
    *NN_EPOCH,
]

TYPICAL = [
    "MatMul-batches-not-summed",
    "Summation-gradient-of-int-axis",
    f"{UNIT.name}.find_topo_sort-recursive",
    f"{UNIT.name}.nn_epoch-last-batch-left-out",
]
"""Of the student who makes several."""
