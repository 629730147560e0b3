#pragma once

#include <QLabel>

namespace bitlathe::ui {

/// One line of plain text at the right of its row, which ends in "…" where there is no room: a QLabel would cut off
/// its beginning. Takes the room it is given.
class ElidedLabel final : public QLabel {
    Q_OBJECT

public:
    explicit ElidedLabel(QWidget* parent = nullptr);

protected:
    void paintEvent(QPaintEvent* event) override;
};

}  // namespace bitlathe::ui
