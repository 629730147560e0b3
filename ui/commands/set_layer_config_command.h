#pragma once

#include "ui/document/quant_document.h"

#include <QUndoCommand>

#include <vector>

namespace bitlathe::ui {

/// Changes the choices of one or more layers of the active configuration, in one undo step. Holds values and
/// layer names only. Commands of the same gesture on the same layers merge; one that ends where it began
/// disappears.
class SetLayerConfigCommand final : public QUndoCommand {
public:
    /// `before` is read from the document. gesture  0: never merges; see QuantDocument::nextGesture
    SetLayerConfigCommand(QuantDocument& document, std::vector<LayerChange> after, const QString& text,
                          quint64 gesture = 0);

    void redo() override;
    void undo() override;
    int id() const override;
    bool mergeWith(const QUndoCommand* other) override;

private:
    QuantDocument& m_document;
    std::vector<LayerChange> m_before;
    std::vector<LayerChange> m_after;
    quint64 m_gesture;
};

}  // namespace bitlathe::ui
