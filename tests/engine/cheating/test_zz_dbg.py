def test_x(grader, submit):
    code = "def weighted_energy(x, weights):\n    x.data.zero_()\n    return (0 * x).sum(dim=1)"
    r = grader.grade_bytes(submit(weighted_energy=code), "m", "toy.ipynb")
    print([(t.name, t.verdict) for t in r.exercises[2].tests], r.exercises[2].score)
