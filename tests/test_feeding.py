"""Values that are fed by name."""

import pytest
import torch

import autodiff_lib as ad

NODES = {name: ad.Variable(name) for name in ("W", "b")}


def test_each_value_goes_to_the_node_of_its_name_whatever_the_order():
    values = {"b": torch.tensor(2.0), "W": torch.tensor(3.0)}
    assert ad.feed(NODES, values) == {NODES["W"]: values["W"], NODES["b"]: values["b"]}


@pytest.mark.parametrize(
    ("names", "said"),
    [(["W"], "no value for b;"), (["W", "b", "c"], "no node for c;"), (["c", "b"], "no value for W and no node for c;")],
)
def test_names_that_one_side_lacks_are_said(names, said):
    with pytest.raises(ValueError, match=said):
        ad.feed(NODES, dict.fromkeys(names, 1.0))
