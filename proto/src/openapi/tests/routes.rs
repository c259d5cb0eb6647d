//! The routes in the API, and the problem responses that each route can return.

use serde_json::{Map, Value, json};

use crate::message::problem_type as problem;

/// A response with a problem document: name, status, type, and description.
type Response = (&'static str, u16, &'static str, &'static str);

const MALFORMED: Response = (
    "Malformed",
    400,
    problem::MALFORMED,
    "the body or the query is not valid for this route",
);
const UNAUTHORIZED: Response = (
    "Unauthorized",
    401,
    problem::UNAUTHORIZED,
    "a POST on the loopback address has no valid step token",
);
const OTHER_STEP: Response = (
    "OtherStep",
    403,
    problem::FORBIDDEN,
    "the socket or token belongs to another step",
);
const NOT_FOUND: Response = (
    "NotFound",
    404,
    problem::NOT_FOUND,
    "the route, step or resource does not exist",
);
const TIMEOUT: Response = (
    "Timeout",
    408,
    problem::TIMEOUT,
    "the body did not arrive in time",
);
const ALREADY_WRITTEN: Response = (
    "AlreadyWritten",
    409,
    problem::ALREADY_WRITTEN,
    "the step has already posted different outputs, or the run has finished",
);
const PENDING: Response = (
    "Pending",
    409,
    problem::PENDING,
    "variables are still unknown; `pending` lists them",
);
const TOO_LARGE: Response = (
    "TooLarge",
    413,
    problem::TOO_LARGE,
    "the request exceeds the maximum size or number of JSON values, or an object is too large to be created or shown; \
     `detail` states the limit",
);
const OTHER_HOST: Response = (
    "OtherHost",
    421,
    problem::FORBIDDEN,
    "the Host header does not contain the loopback address",
);
const INVALID_OUTPUT: Response = (
    "InvalidOutput",
    422,
    problem::OUTPUT,
    "outputs are unknown, missing or of the wrong type, or lack values that the templates need",
);
const NOT_CREATED: Response = (
    "NotCreated",
    424,
    problem::NOT_CREATED,
    "the resources could not be created; `failures` lists every cause, and `left` and `kept` list the objects that remain",
);
const RESULTS_TOO_LARGE: Response = (
    "ResultsTooLarge",
    507,
    problem::RESULTS,
    "the results do not fit into the step's termination message; if this was detected before the commit, no object was \
     created, otherwise all objects exist",
);
const INTERNAL: Response = (
    "Internal",
    500,
    problem::INTERNAL,
    "the sidecar itself failed, for example because the disk is full, so it did not accept the message",
);
const BUSY: Response = (
    "Busy",
    503,
    problem::BUSY,
    "the sidecar is shutting down, or other requests use all of its memory or request slots; retry after `Retry-After`",
);

pub(super) fn problems() -> Value {
    let all = [
        MALFORMED,
        UNAUTHORIZED,
        OTHER_STEP,
        NOT_FOUND,
        TIMEOUT,
        ALREADY_WRITTEN,
        PENDING,
        TOO_LARGE,
        OTHER_HOST,
        INVALID_OUTPUT,
        NOT_CREATED,
        RESULTS_TOO_LARGE,
        INTERNAL,
        BUSY,
    ];
    let response = |(name, status, kind, meaning): Response| {
        let mut response = json!({
            "description": format!("`{kind}`: {meaning}."),
            "content": {"application/problem+json": {"schema": schema("Problem")}}
        });
        if status == 401 {
            response["headers"] = json!({"WWW-Authenticate": {"schema": {"const": "Bearer"}}});
        }
        (name.to_owned(), response)
    };
    all.into_iter().map(response).collect::<Map<_, _>>().into()
}

pub(super) fn parameters() -> Value {
    json!({
        "wait": {
            "name": "wait",
            "in": "query",
            "description": "The maximum time to wait until all variables are known, such as `30s`; limited by --max-wait.",
            "schema": {"type": "string"},
            "example": "30s"
        },
        "partial": {
            "name": "partial",
            "in": "query",
            "description": "Respond even if variables are unknown. Unknown variables appear as they are written in the \
                            templates.",
            "schema": {"type": "boolean", "default": false}
        },
        "exitCode": {
            "name": "exitCode",
            "in": "query",
            "required": true,
            "description": "The exit code of the step's container.",
            "schema": {"type": "integer", "minimum": 0, "maximum": 255}
        },
        "resultBytes": {
            "name": "resultBytes",
            "in": "query",
            "description": "The size of the step's own results in its termination message, in bytes.",
            "schema": {"type": "integer", "minimum": 0}
        },
        "compressedResultBytes": {
            "name": "compressedResultBytes",
            "in": "query",
            "description": "The compressed size of the step's own results, in bytes, if Tekton compresses termination \
                            messages.",
            "schema": {"type": "integer", "minimum": 0}
        }
    })
}

pub(super) fn paths() -> Value {
    json!({
        "/v1/steps/{step}/outputs": {"post": post_outputs()},
        "/v1/steps/{step}/start": {"post": with_parameters(writes(operation(
            "steps",
            "postStart",
            "Report that a step's command is about to start",
            "Changes only the step's entry in the status. Idempotent.",
            success("The state of the run.", "Outcome"),
            &[OTHER_STEP, NOT_FOUND],
        )), &[in_path("step", "The step's name.")])},
        "/v1/steps/{step}/failure": {"post": with_parameters(writes(operation(
            "steps",
            "postFailure",
            "Report that a step failed without posting its outputs",
            "Changes only the step's entry in the status. Idempotent.",
            success("The state of the run.", "Outcome"),
            &[MALFORMED, OTHER_STEP, NOT_FOUND],
        )), &[in_path("step", "The step's name."), parameter("exitCode")])},
        "/v1/submit": {"post": writes(operation(
            "steps",
            "submit",
            "Create the resources now",
            "Starts the submission if the declaration has `submit: Manual`; otherwise, only returns the outcome. Idempotent. \
             Responds when all resources exist or the submission has failed.",
            success("All resources exist.", "Outcome"),
            &[PENDING, TOO_LARGE, INVALID_OUTPUT, NOT_CREATED],
        ))},
        "/v1/finish": {"post": with_parameters(writes(operation(
            "steps",
            "finish",
            "Declare that all steps have finished",
            "Replaces missing outputs with their defaults. If all variables are known, creates the resources, unless the \
             declaration has `submit: Manual`. Idempotent. Returns the outcome and the results.",
            success(
                "The outcome. For `submit: Manual`, it may include a note that no submit request arrived.",
                "Outcome",
            ),
            &[MALFORMED, PENDING, TOO_LARGE, INVALID_OUTPUT, NOT_CREATED, RESULTS_TOO_LARGE],
        )), &[parameter("resultBytes"), parameter("compressedResultBytes")])},
        "/v1/preflight": {"get": operation(
            "steps",
            "getPreflight",
            "Check whether the API server serves the kinds and allows the run to create the resources",
            "Responds when the API server has responded. Returns findings in `notes` or, with `preflight: Strict`, as a problem.",
            success("There are no findings, or only notes.", "Outcome"),
            &[NOT_CREATED, BUSY],
        )},
        "/v1/resources": {"get": with_parameters(operation(
            "people",
            "getResources",
            "Read the objects that will be created, with masked secrets",
            "Returns YAML, or JSON if `Accept` requests it.",
            objects(
                "The objects, in the order of the declaration.",
                &json!({"type": "array", "items": schema("KubernetesObject")}),
            ),
            &[MALFORMED, PENDING, TOO_LARGE, BUSY],
        ), &[parameter("wait"), parameter("partial")])},
        "/v1/resources/{name}": {"get": with_parameters(operation(
            "people",
            "getResource",
            "Read one object that will be created, with masked secrets",
            "Returns YAML, or JSON if `Accept` requests it.",
            objects("The object.", &schema("KubernetesObject")),
            &[MALFORMED, NOT_FOUND, PENDING, TOO_LARGE, BUSY],
        ), &[
            in_path("name", "The name of the resource or object in the declaration."),
            parameter("wait"),
            parameter("partial"),
        ])},
        "/v1/preview": {"get": operation(
            "people",
            "getPreview",
            "Read the objects as YAML in which values with variables are marked",
            "For the sidecar's page. Unknown variables appear as written in the templates; secrets are masked.",
            success("The objects, in the order of the declaration.", "Preview"),
            &[TOO_LARGE, BUSY],
        )},
        "/v1/status": {"get": operation(
            "people",
            "getStatus",
            "Read the state of the steps, variables and resources",
            "Values are shortened, and secret values are never shown.",
            success("The state.", "Status"),
            &[TOO_LARGE, BUSY],
        )},
        "/v1/events": {"get": operation(
            "people",
            "getEvents",
            "Follow the state as it changes",
            "Sends server-sent events, each with the name `status` and a Status as data. The first event is sent immediately. \
             When the sidecar shuts down, the stream ends with an event `end`.",
            response("The stream.", "text/event-stream", json!({
                "schema": {"type": "string"},
                "example": "event: status\ndata: {\"phase\":\"Collecting\",\"submit\":\"Resolved\",\"steps\":[],\
                            \"variables\":[],\"resources\":[]}\n\n"
            })),
            &[BUSY],
        )},
        "/": {"get": operation(
            "people",
            "getPage",
            "View the state live in a browser",
            "Returns a page that shows the state of the run and follows `/v1/events`.",
            response("The page.", "text/html", json!({"schema": {"type": "string"}})),
            &[],
        )},
        "/livez": {"get": operation(
            "operation",
            "getLive",
            "Check that the sidecar responds",
            "For a liveness probe.",
            response("The sidecar responds.", "text/plain", json!({"schema": {"const": "ok\n"}})),
            &[],
        )},
        "/readyz": {"get": operation(
            "operation",
            "getReady",
            "Check that steps can post outputs",
            "The sidecar opens its sockets only when it is ready, so any response means that it is ready.",
            response("Steps can post outputs.", "text/plain", json!({"schema": {"const": "ok\n"}})),
            &[],
        )},
        "/metrics": {"get": operation(
            "operation",
            "getMetrics",
            "Read the metrics",
            "Returns all metrics in the OpenMetrics text format.",
            response(
                "All metrics.",
                "application/openmetrics-text",
                json!({"schema": {"type": "string"}}),
            ),
            &[],
        )},
        "/openapi.json": {"get": operation(
            "operation",
            "getOpenapi",
            "Read this document",
            "OpenAPI 3.1.",
            response("This document.", "application/json", json!({"schema": {"type": "object"}})),
            &[],
        )}
    })
}

fn post_outputs() -> Value {
    let mut operation = writes(operation(
        "steps",
        "postOutputs",
        "Post the outputs of a step",
        "Repeating the same message returns the same response. If the step runs again, different outputs replace the first \
         ones until the submission begins; after that, they are rejected. Responds when the message is on disk or, if it \
         resolves the last variables, when all resources exist or the submission has failed.",
        success(
            "The message was accepted, by this request or an earlier one.",
            "Outcome",
        ),
        &[
            MALFORMED,
            OTHER_STEP,
            NOT_FOUND,
            TIMEOUT,
            ALREADY_WRITTEN,
            TOO_LARGE,
            INVALID_OUTPUT,
            NOT_CREATED,
            RESULTS_TOO_LARGE,
        ],
    ));
    operation["requestBody"] = json!({
        "required": true,
        "content": {"application/json": {
            "schema": schema("Outputs"),
            "example": {"outputs": {"digest": "sha256:4bc4"}, "exitCode": 0}
        }}
    });
    with_parameters(
        operation,
        &[
            in_path("step", "The step's name."),
            parameter("resultBytes"),
            parameter("compressedResultBytes"),
        ],
    )
}

fn operation(
    tag: &str,
    id: &str,
    summary: &str,
    description: &str,
    success: Value,
    problems: &[Response],
) -> Value {
    let mut responses = Map::from_iter([("200".to_owned(), success)]);
    for (name, status, ..) in problems.iter().chain([&OTHER_HOST]) {
        responses.insert(
            status.to_string(),
            json!({"$ref": format!("#/components/responses/{name}")}),
        );
    }
    json!({
        "tags": [tag],
        "operationId": id,
        "summary": summary,
        "description": description,
        "responses": responses
    })
}

/// Adds a step's credential to the operation, because only steps may change the state. The document declares the credential as
/// optional, because a request over a step's socket needs no token.
fn writes(mut operation: Value) -> Value {
    operation["security"] = json!([{}, {"stepToken": []}]);
    for (name, status, ..) in [UNAUTHORIZED, INTERNAL, BUSY] {
        operation["responses"][status.to_string()] =
            json!({"$ref": format!("#/components/responses/{name}")});
    }
    operation
}

fn with_parameters(mut operation: Value, parameters: &[Value]) -> Value {
    operation["parameters"] = parameters.into();
    operation
}

fn in_path(name: &str, description: &str) -> Value {
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": description,
        "schema": {"type": "string"}
    })
}

fn parameter(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn success(description: &str, name: &str) -> Value {
    response(
        description,
        "application/json",
        json!({"schema": schema(name)}),
    )
}

fn objects(description: &str, json: &Value) -> Value {
    let yaml = json!({"type": "string", "description": "YAML, one document per object."});
    json!({
        "description": description,
        "content": {"application/yaml": {"schema": yaml}, "application/json": {"schema": json}}
    })
}

fn response(description: &str, media_type: &str, content: Value) -> Value {
    let content = Map::from_iter([(media_type.to_owned(), content)]);
    json!({"description": description, "content": content})
}
