//! One action. In: its service, name and templates. Out: a row of a table, built up word by word. Never compiles a
//! template, and has no opinion on who calls what.

use crate::generate::identity::{Callers, Who};

/// One API action (or service event, sign-in, network activity), as declared.
#[derive(Clone, Copy, Debug)]
pub(in crate::generate) struct Action {
    /// How often it happens, in proportion to the others.
    pub(in crate::generate) weight: u32,
    /// First label of `eventSource`.
    pub(in crate::generate) service: &'static str,
    pub(in crate::generate) name: &'static str,
    pub(in crate::generate) event_type: &'static str,
    pub(in crate::generate) category: &'static str,
    pub(in crate::generate) read_only: bool,
    /// Global services are recorded in us-east-1 only.
    pub(in crate::generate) global: bool,
    pub(in crate::generate) callers: Callers,
    /// The service that calls, for callers that are services.
    pub(in crate::generate) caller_service: &'static str,
    pub(in crate::generate) api_version: &'static str,
    pub(in crate::generate) error_code: &'static str,
    pub(super) error_message: &'static str,
    pub(super) request: &'static str,
    pub(super) response: &'static str,
    pub(super) additional: &'static str,
    pub(super) resources: &'static str,
    pub(super) details: &'static str,
    pub(super) request_id: &'static str,
    pub(super) host: &'static str,
}

const GUID: &str = "<guid>";
/// S3 numbers its requests its own way, `DynamoDB` and Lambda theirs.
pub(super) const S3_REQUEST: &str = "<upper:16>";
pub(super) const DYNAMO_REQUEST: &str = "<upper:44>VV4KQNSO5AEMVJF66Q9ASUAAJG";

pub(in crate::generate) const fn call(
    weight: u32,
    service: &'static str,
    name: &'static str,
    request: &'static str,
) -> Action {
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
pub(super) const fn read(weight: u32, service: &'static str, name: &'static str, request: &'static str) -> Action {
    let mut action = call(weight, service, name, request);
    action.read_only = true;
    action
}

/// An action that changes something and returns a response.
pub(super) const fn write(
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
    pub(super) const fn data(mut self) -> Self {
        self.category = "Data";
        self
    }

    pub(super) const fn global(mut self) -> Self {
        self.global = true;
        self
    }

    pub(super) const fn of_type(mut self, event_type: &'static str) -> Self {
        self.event_type = event_type;
        self
    }

    pub(in crate::generate) const fn by(mut self, callers: &'static [Who]) -> Self {
        self.callers = Callers::Only(callers);
        self
    }

    /// Called by a service, for itself or on behalf of a caller.
    pub(super) const fn by_service(mut self, callers: &'static [Who], service: &'static str) -> Self {
        self.callers = Callers::Only(callers);
        self.caller_service = service;
        self
    }

    /// Some read-only actions have a response worth recording.
    pub(in crate::generate) const fn answer(mut self, template: &'static str) -> Self {
        self.response = template;
        self
    }

    pub(super) const fn additional(mut self, template: &'static str) -> Self {
        self.additional = template;
        self
    }

    pub(super) const fn resources(mut self, template: &'static str) -> Self {
        self.resources = template;
        self
    }

    pub(super) const fn details(mut self, template: &'static str) -> Self {
        self.details = template;
        self
    }

    pub(super) const fn request_id(mut self, template: &'static str) -> Self {
        self.request_id = template;
        self
    }

    pub(in crate::generate) const fn host(mut self, template: &'static str) -> Self {
        self.host = template;
        self
    }

    pub(super) const fn api_version(mut self, version: &'static str) -> Self {
        self.api_version = version;
        self
    }

    /// How it fails when it does not fail for lack of permission.
    pub(super) const fn fails(mut self, code: &'static str, message: &'static str) -> Self {
        self.error_code = code;
        self.error_message = message;
        self
    }

    pub(super) const fn network(mut self) -> Self {
        self.event_type = "AwsVpceEvent";
        self.category = "NetworkActivity";
        self
    }
}
