import pytest
@pytest.mark.box
def test_x(grader, submit):
    r = grader.grade_bytes(submit(), "a", "toy.ipynb")
    print(r.model_dump_json(indent=1, exclude={"cells"})[:3000])
    r = grader.grade_bytes(submit("stub"), "a", "toy.ipynb")
    print(r.score, r.verdict)
    assert 0
