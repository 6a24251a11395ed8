"""What is right in the toy unit, and looks different."""

from .. import Variant

EINSUM = '@exercise\ndef matmul(a, b):\n    return np.einsum("ij,jk->ik", a, b)\n'
VARIANTS = [Variant("matmul-einsum", "99_toy", "matmul", "by einsum", (EINSUM,))]
