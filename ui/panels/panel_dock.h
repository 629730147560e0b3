#pragma once

#include <QDockWidget>

#include <vector>

class QLabel;

namespace bitlathe::ui {

/// A dock whose title row shows its name, a hint at the right, and float and close buttons. While it shares
/// its place with others as tabs, the tab is the title and the row goes.
class PanelDock final : public QDockWidget {
    Q_OBJECT

public:
    /// name  stable object name, used to restore layouts
    PanelDock(const QString& name, const QString& title, QWidget* content, QWidget* parent);

    void setHint(const QString& hint);
    QString hint() const;

public Q_SLOTS:
    /// Shows the title row only where no tab stands for it.
    void updateTitleRow();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void showButtons(bool isShown);

    QWidget* m_titleRow = nullptr;
    QWidget* m_noTitleRow = nullptr;
    QLabel* m_hint = nullptr;
    std::vector<QWidget*> m_buttons;
};

}  // namespace bitlathe::ui
