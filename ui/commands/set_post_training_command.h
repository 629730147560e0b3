#pragma once

#include "ui/document/quant_document.h"

#include <QUndoCommand>

#include <vector>

namespace bitlathe::ui {

/// Replaces the post-training methods of the active configuration. Commands of the same gesture merge; one that ends
/// where it began disappears.
class SetPostTrainingCommand final : public QUndoCommand {
public:
    /// methods  checked before (core::checkPostTraining)
    /// gesture  0: never merges; see QuantDocument::nextGesture
    SetPostTrainingCommand(QuantDocument& document, std::vector<core::MethodSpec> methods,
                           const QString& text, quint64 gesture = 0);

    void redo() override;
    void undo() override;
    int id() const override;
    bool mergeWith(const QUndoCommand* other) override;

private:
    QuantDocument& m_document;
    std::vector<core::MethodSpec> m_before;
    std::vector<core::MethodSpec> m_after;
    quint64 m_gesture;
};

}  // namespace bitlathe::ui
