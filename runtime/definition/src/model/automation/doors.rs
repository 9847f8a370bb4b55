//! What goes out to people and other systems, and what comes in from them.

use mortise_expr::Expression;

use super::{FigureUseModel, RecipientModel};
use crate::Text;
use crate::model::Slot;
use crate::source::{self, ConnectorKind};

/// A notification.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct NotificationModel {
    pub key: String,
    pub app: usize,
    pub entity: usize,
    pub label: Text,
    /// Members of `measures`, in order.
    pub measures: Vec<FigureUseModel>,
    pub title: Text,
    pub body: Text,
    pub to: Vec<RecipientModel>,
    pub email: bool,
    /// Keys of connectors.
    pub channels: Vec<String>,
}

/// A connector.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct ConnectorModel {
    pub key: String,
    pub id: String,
    pub app: usize,
    pub label: Text,
    pub kind: ConnectorKind,
    pub receive: Option<ReceiveModel>,
}

/// What becomes of a call that comes in.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct ReceiveModel {
    pub entity: usize,
    pub map: Vec<(Slot, source::Mapping)>,
    pub key: Option<String>,
    pub attach: Option<AttachModel>,
}

/// How a call finds the record that it belongs to.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct AttachModel {
    /// Fields of the received entity.
    pub by: Vec<Slot>,
    pub condition: Option<Expression>,
    pub entity: usize,
    pub via: Slot,
    pub map: Vec<(Slot, source::Mapping)>,
    pub always: bool,
}
