#pragma once

#include <QString>

class QComboBox;
class QHBoxLayout;
class QLabel;
class QLineEdit;
class QTableView;
class QToolButton;
class QVBoxLayout;
class QWidget;

namespace bitlathe::ui {

// Parts the panels about jobs and runs are made of, so that they look and behave alike.

/// A row of controls at the top of a panel.
QHBoxLayout* newToolRow(QVBoxLayout& panel);
QToolButton* newToolButton(const QString& text, const QString& toolTip, QWidget* parent);
/// A field with a clear button whose placeholder is also its accessible name. Esc clears it.
QLineEdit* newSearchEdit(const QString& placeholder, QWidget* parent);
/// Rows only, no grid, no row numbers, several rows selectable, not editable unless the panel says so.
QTableView* newPanelTable(const QString& accessibleName, QWidget* parent);
/// Centred, muted, wrapped: says what to do next where there is nothing to show.
QLabel* newEmptyStateLabel(QWidget* parent);
/// Takes the width it is given instead of its longest choice's: a page wider than its dock would be cut at the right.
void keepNarrow(QComboBox& box);
/// Muted small text.
QLabel* newCaption(QWidget* parent);

}  // namespace bitlathe::ui
