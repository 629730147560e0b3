#pragma once

#include <QWidget>

class QLabel;
class QToolButton;

namespace bitlathe::ui {

/// A titled part of a dialog that is folded until it is wanted; what it holds is said beside the title in a few
/// words, so that folding hides no choice.
class FoldedSection final : public QWidget {
    Q_OBJECT

public:
    FoldedSection(const QString& title, QWidget* content, QWidget* parent = nullptr);

    void setSummary(const QString& summary);
    QString summary() const;
    bool isOpen() const;
    void setOpen(bool isOpen);

Q_SIGNALS:
    void toggled();

private:
    QToolButton* m_title = nullptr;
    QLabel* m_summary = nullptr;
    QWidget* m_content = nullptr;
};

}  // namespace bitlathe::ui
