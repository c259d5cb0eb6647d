# Gleaner's image: injector, sidecar and redirector as static programs, an authorities' bundle, and nothing else.
#
#   docker build --tag REGISTRY/gleaner:TAG .                        builds the programs in a stage of its own
#   scripts/image --root dist                                        lays the image out from what `make static` built
#   docker build --target prebuilt --tag REGISTRY/gleaner:TAG .      takes it from dist/ (--build-arg ROOT=dist)
#
# buildah and podman take the same; `scripts/image FILE` writes the image without any of them.

FROM scratch AS base
LABEL org.opencontainers.image.title="Gleaner" \
      org.opencontainers.image.description="Creates Kubernetes resources from what the steps of Tekton tasks produce" \
      org.opencontainers.image.source="https://github.com/gleaner-dev/gleaner" \
      org.opencontainers.image.licenses="Apache-2.0"
# By number: a kubelet can tell that it is not root only then.
USER 65532:65532
# Tekton's sidecars have no command: their image says what runs. Injector and redirector are started by name.
ENTRYPOINT ["/gleaner-sidecar"]

# First among those with content, so that it is built without the others.
FROM base AS prebuilt
ARG ROOT=dist
COPY --chown=0:0 ${ROOT}/ /

# Debian's compiler and make come with it; the version is the one that the project is developed with.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /gleaner
COPY . .
RUN make static TARGET="$(rustc --print host-tuple)" \
    && scripts/image --target "$(rustc --print host-tuple)" --root /image

FROM base
COPY --from=build --chown=0:0 /image/ /
