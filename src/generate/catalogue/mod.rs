//! What callers do. In: nothing. Out: the table of actions, each with its frequency and the templates of its members.
//! Never decides about one event: that is [`super::event`].

mod access;
mod compute;
mod operations;
mod storage;

use super::identity::{Callers, Who};
use super::template::{Compiler, Template};

/// One API action (or service event, sign-in, network activity), as declared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Action {
    /// How often it happens, in proportion to the others.
    pub(super) weight: u32,
    /// First label of `eventSource`.
    pub(super) service: &'static str,
    pub(super) name: &'static str,
    pub(super) event_type: &'static str,
    pub(super) category: &'static str,
    pub(super) read_only: bool,
    /// Global services are recorded in us-east-1 only.
    pub(super) global: bool,
    pub(super) callers: Callers,
    /// The service that calls, for callers that are services.
    pub(super) caller_service: &'static str,
    pub(super) api_version: &'static str,
    pub(super) error_code: &'static str,
    error_message: &'static str,
    request: &'static str,
    response: &'static str,
    additional: &'static str,
    resources: &'static str,
    details: &'static str,
    request_id: &'static str,
    host: &'static str,
}

/// An action with its templates compiled. An empty template means the member is `null` (request, response) or absent.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) action: Action,
    pub(super) error_message: Template,
    pub(super) request: Template,
    pub(super) response: Template,
    pub(super) additional: Template,
    pub(super) resources: Template,
    pub(super) details: Template,
    pub(super) request_id: Template,
    pub(super) host: Template,
}

const GUID: &str = "<guid>";
/// S3 numbers its requests its own way, `DynamoDB` and Lambda theirs.
const S3_REQUEST: &str = "<upper:16>";
const DYNAMO_REQUEST: &str = "<upper:44>VV4KQNSO5AEMVJF66Q9ASUAAJG";

const fn call(weight: u32, service: &'static str, name: &'static str, request: &'static str) -> Action {
    Action {
        weight,
        service,
        name,
        event_type: "AwsApiCall",
        category: "Management",
        read_only: false,
        global: false,
        callers: Callers::Any,
        caller_service: "",
        api_version: "",
        error_code: "",
        error_message: "",
        request,
        response: "",
        additional: "",
        resources: "",
        details: "",
        request_id: GUID,
        host: "",
    }
}

/// An action that only reads.
const fn read(weight: u32, service: &'static str, name: &'static str, request: &'static str) -> Action {
    let mut action = call(weight, service, name, request);
    action.read_only = true;
    action
}

/// An action that changes something and says so.
const fn write(
    weight: u32,
    service: &'static str,
    name: &'static str,
    request: &'static str,
    response: &'static str,
) -> Action {
    let mut action = call(weight, service, name, request);
    action.response = response;
    action
}

impl Action {
    const fn data(mut self) -> Self {
        self.category = "Data";
        self
    }

    const fn global(mut self) -> Self {
        self.global = true;
        self
    }

    const fn of_type(mut self, event_type: &'static str) -> Self {
        self.event_type = event_type;
        self
    }

    const fn by(mut self, callers: &'static [Who]) -> Self {
        self.callers = Callers::Only(callers);
        self
    }

    /// Called by a service, for itself or for someone.
    const fn by_service(mut self, callers: &'static [Who], service: &'static str) -> Self {
        self.callers = Callers::Only(callers);
        self.caller_service = service;
        self
    }

    /// Some actions that only read have a response worth recording.
    const fn answer(mut self, template: &'static str) -> Self {
        self.response = template;
        self
    }

    const fn additional(mut self, template: &'static str) -> Self {
        self.additional = template;
        self
    }

    const fn resources(mut self, template: &'static str) -> Self {
        self.resources = template;
        self
    }

    const fn details(mut self, template: &'static str) -> Self {
        self.details = template;
        self
    }

    const fn request_id(mut self, template: &'static str) -> Self {
        self.request_id = template;
        self
    }

    const fn host(mut self, template: &'static str) -> Self {
        self.host = template;
        self
    }

    const fn api_version(mut self, version: &'static str) -> Self {
        self.api_version = version;
        self
    }

    /// How it fails when it does not fail for lack of permission.
    const fn fails(mut self, code: &'static str, message: &'static str) -> Self {
        self.error_code = code;
        self.error_message = message;
        self
    }

    const fn network(mut self) -> Self {
        self.event_type = "AwsVpceEvent";
        self.category = "NetworkActivity";
        self
    }
}

/// All actions, compiled.
pub(super) fn compile(compiler: &mut Compiler) -> Vec<Compiled> {
    [access::ACTIONS, compute::ACTIONS, storage::ACTIONS, operations::ACTIONS]
        .into_iter()
        .flatten()
        .map(|action| Compiled {
            action: *action,
            error_message: compiler.compile(action.error_message),
            request: compiler.compile(action.request),
            response: compiler.compile(action.response),
            additional: compiler.compile(action.additional),
            resources: compiler.compile(action.resources),
            details: compiler.compile(action.details),
            request_id: compiler.compile(action.request_id),
            host: compiler.compile(action.host),
        })
        .collect()
}
