#pragma once

#include <QFrame>

class QLabel;

namespace bitlathe::ui {

/// A card with a title row, for what is not a dock.
class PanelFrame final : public QFrame {
    Q_OBJECT

public:
    PanelFrame(const QString& title, QWidget* content, QWidget* parent = nullptr);
    void setHint(const QString& hint);

private:
    QLabel* m_hint = nullptr;
};

}  // namespace bitlathe::ui
