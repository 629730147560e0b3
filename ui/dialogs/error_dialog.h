#pragma once

#include <QDialog>

namespace bitlathe::ui {

/// One failure: what was tried as the heading, then what is wrong, where and what to do. The text can be
/// selected and copied.
class ErrorDialog final : public QDialog {
    Q_OBJECT

public:
    ErrorDialog(const QString& what, const QString& text, QWidget* parent = nullptr);
};

}  // namespace bitlathe::ui
