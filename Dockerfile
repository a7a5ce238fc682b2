# The engine with all it needs, for instructors on macOS and Windows: docs/container.md.
# Nothing of the course is in the image; it is mounted at /course.
FROM python:3.11-slim-bookworm

# Debian keeps the newest build of a package alone, so none is pinned here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap git make \
    && rm -rf /var/lib/apt/lists/*

# Student code, the engine and JupyterLab run as this user, who has no rights beside its own files.
RUN useradd --create-home --uid 1000 --shell /bin/bash instructor \
    && install --directory --owner=instructor --group=instructor /course /opt/venv
USER 1000
WORKDIR /course
ENV PATH=/opt/venv/bin:$PATH

# torch without CUDA: grading uses the processor.
COPY --chown=instructor requirements.lock ./
RUN python -m venv /opt/venv \
    && pip install --no-cache-dir --disable-pip-version-check \
        --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.lock

# In place: where the repository is mounted over it, its own engine is the one that runs.
COPY --chown=instructor pyproject.toml LICENSE ./
COPY --chown=instructor autograder ./autograder
RUN pip install --no-cache-dir --no-deps --no-build-isolation --disable-pip-version-check --editable .

EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
