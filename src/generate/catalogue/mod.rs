//! What callers do. In: nothing. Out: the table of actions, each with its frequency and the templates of its members.
//! Never decides about one event: that is [`super::event`].

mod access;
mod action;
mod compute;
mod operations;
mod storage;

use super::template::{Compiler, Template};

pub(super) use action::{Action, call};

/// An action with its templates compiled. An empty template means the member is `null` (request, response) or absent.
#[derive(Debug)]
pub(super) struct CompiledAction {
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

impl CompiledAction {
    pub(super) fn new(action: &Action, compiler: &mut Compiler) -> Self {
        Self {
            action: *action,
            error_message: compiler.compile(action.error_message),
            request: compiler.compile(action.request),
            response: compiler.compile(action.response),
            additional: compiler.compile(action.additional),
            resources: compiler.compile(action.resources),
            details: compiler.compile(action.details),
            request_id: compiler.compile(action.request_id),
            host: compiler.compile(action.host),
        }
    }
}

/// All actions, compiled.
pub(super) fn compile(compiler: &mut Compiler) -> Vec<CompiledAction> {
    let actions = [access::ACTIONS, compute::ACTIONS, storage::ACTIONS, operations::ACTIONS].into_iter().flatten();
    actions.map(|action| CompiledAction::new(action, compiler)).collect()
}
