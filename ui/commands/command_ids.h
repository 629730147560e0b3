#pragma once

namespace bitlathe::ui {

/// QUndoCommand::id of the commands that merge.
enum CommandId { kSetLayerConfigCommandId = 1 };

}  // namespace bitlathe::ui
