# Gleaner's image: injector, sidecar and redirector as static programs, a CA bundle, and nothing else.
#
#   docker build --tag REGISTRY/gleaner:TAG .                        builds the programs in a separate stage
#   scripts/image --root dist                                        lays out the image from the output of `make static`
#   docker build --target prebuilt --tag REGISTRY/gleaner:TAG .      copies it from dist/ (--build-arg ROOT=dist)
#
# buildah and podman work the same way; `scripts/image FILE` writes the image without any of them.

FROM scratch AS base
LABEL org.opencontainers.image.title="Gleaner" \
      org.opencontainers.image.description="Creates Kubernetes resources from what the steps of Tekton tasks produce" \
      org.opencontainers.image.source="https://github.com/gleaner-dev/gleaner" \
      org.opencontainers.image.licenses="Apache-2.0"
# Numeric, because a kubelet can verify only then that the user is not root.
USER 65532:65532
# Tekton's sidecars have no command: the image's entrypoint runs. Injector and redirector are started by name.
ENTRYPOINT ["/gleaner-sidecar"]

# The first stage with content, so that it is built without the others.
FROM base AS prebuilt
ARG ROOT=dist
COPY --chown=0:0 ${ROOT}/ /

# Debian's compiler and make are included; the version is the one used for development.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /gleaner
COPY . .
RUN make static TARGET="$(rustc --print host-tuple)" \
    && scripts/image --target "$(rustc --print host-tuple)" --root /image

FROM base
COPY --from=build --chown=0:0 /image/ /
