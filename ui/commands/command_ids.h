#pragma once

namespace bitlathe::ui {

/// QUndoCommand::id of the commands that merge.
enum CommandId { kSetLayerConfigCommandId = 1, kSetPostTrainingCommandId = 2 };

}  // namespace bitlathe::ui
