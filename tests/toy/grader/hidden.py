"""The same with other numbers."""

from autodiff_lib.units.toy.questions import questions as public_questions

from .. import in_secret


def questions(seed):
    return [in_secret(question, seed) for question in public_questions()]
