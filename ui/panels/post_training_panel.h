#pragma once

#include <string>

#include "ui/document/quant_document.h"

#include <QWidget>

class QLabel;
class QListWidget;
class QMenu;
class QStackedWidget;
class QToolButton;

namespace bitlathe::ui {

class MethodEditor;

/// The active configuration's post-training methods in the order they are applied: add, remove, move, and their
/// parameters. Everything it offers comes from the registry; every edit is one undo step.
class PostTrainingPanel final : public QWidget {
    Q_OBJECT

public:
    explicit PostTrainingPanel(QuantDocument& document, QWidget* parent = nullptr);

    QListWidget* list() const noexcept { return m_list; }
    MethodEditor* editor() const noexcept { return m_editor; }
    /// "3 methods"; empty for none.
    QString summary() const;

public Q_SLOTS:
    void add(const QString& name);
    void removeCurrent();
    void moveCurrent(int direction);  ///< -1 earlier, +1 later

Q_SIGNALS:
    void editRefused(const QString& reason);
    void summaryChanged();

private:
    QWidget* newListArea();
    QWidget* newEditorArea();
    void refresh();
    void showCurrent();
    /// Pushes the list; `row` is current after it.
    void push(std::vector<core::MethodSpec> methods, const QString& text, int row, quint64 gesture = 0);

    QuantDocument& m_document;
    QStackedWidget* m_pages = nullptr;
    QListWidget* m_list = nullptr;
    QToolButton* m_remove = nullptr;
    QToolButton* m_earlier = nullptr;
    QToolButton* m_later = nullptr;
    MethodEditor* m_editor = nullptr;
    QLabel* m_source = nullptr;
    int m_series = 0;
    quint64 m_gesture = 0;
};

}  // namespace bitlathe::ui
