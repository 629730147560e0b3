#pragma once

#include <string>

#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include <QWidget>

class QComboBox;
class QLabel;
class QLineEdit;
class QTableView;
class QToolButton;

namespace bitlathe::ui {

class LayerFilterModel;
class LayerTableModel;

/// The layer table with its filter and the choice of the configuration being edited.
///
/// Keys on the table: 2..8 and F set the weight bits of the selection, with Shift the activation bits; Alt+Up
/// and Alt+Down go through the layers by error; Ctrl+C copies the selected rows as tab-separated values.
class LayersPanel final : public QWidget {
    Q_OBJECT

public:
    LayersPanel(QuantDocument& document, Selection& selection, QWidget* parent = nullptr);

    QTableView* table() const noexcept { return m_table; }
    /// "3 selected · keys 2 4 8 F set bits · Alt+↓ next by error"
    QString summary() const;
    /// The selected rows (all of them without a selection) as tab-separated values with a header line.
    QString tabSeparated() const;

public Q_SLOTS:
    void focusFilter();
    /// step  +1: the layer with the next smaller error, -1: the next larger
    void goByError(int step);
    void copySelection() const;

Q_SIGNALS:
    void summaryChanged();
    void editRefused(const QString& reason);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void showMenu(const QPoint& position);
    void pullSelection();  ///< Selection -> view
    void pushSelection();  ///< view -> Selection
    void refreshVariants();
    void chooseVariant(int index);
    void duplicateVariant();
    void renameVariant();
    void removeVariant();
    /// Columns as wide as their content, the table as wide as its panel where that is possible.
    void fitColumns();

    QuantDocument& m_document;
    Selection& m_selection;
    LayerTableModel* m_model = nullptr;
    LayerFilterModel* m_filter = nullptr;
    QTableView* m_table = nullptr;
    QLineEdit* m_filterEdit = nullptr;
    QComboBox* m_variantCombo = nullptr;
    QToolButton* m_variantMenu = nullptr;
    QLabel* m_count = nullptr;
    bool m_isSyncing = false;  ///< one of the two selections is being copied to the other
};

}  // namespace bitlathe::ui
