# Gleaner's image, which contains only the static programs injector, sidecar and redirector, and a CA bundle.
#
#   docker build --tag REGISTRY/gleaner:TAG .                        builds the programs in a separate stage
#   scripts/image --root dist                                        lays out the image from the output of `make static`
#   docker build --target prebuilt --tag REGISTRY/gleaner:TAG .      copies it from dist/ (--build-arg ROOT=dist)
#
# buildah and podman work in the same way. `scripts/image FILE` writes the image without a container engine.

FROM scratch AS base
LABEL org.opencontainers.image.title="Gleaner" \
      org.opencontainers.image.description="Creates Kubernetes resources from the outputs of Tekton tasks" \
      org.opencontainers.image.source="https://github.com/gleaner-dev/gleaner" \
      org.opencontainers.image.licenses="Apache-2.0"
# A numeric ID, because the kubelet cannot verify from a name that the user is not root.
USER 65532:65532
# Tekton sidecars have no command, so the image's entrypoint runs. The injector and the redirector are started by path.
ENTRYPOINT ["/gleaner-sidecar"]

# This stage depends on no other stage, so `--target prebuilt` does not build the others.
FROM base AS prebuilt
ARG ROOT=dist
COPY --chown=0:0 ${ROOT}/ /

# The image includes Debian's compiler and make. The Rust version is the one used for development.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /gleaner
COPY . .
RUN make static TARGET="$(rustc --print host-tuple)" \
    && scripts/image --target "$(rustc --print host-tuple)" --root /image

FROM base
COPY --from=build --chown=0:0 /image/ /
