#pragma once

#include <QString>
#include <QStringList>
#include <QVariant>

#include <vector>

namespace bitlathe::plots {

/// Which part of a plot's data a table holds.
enum class TableExtent { Visible, All };

/// The numbers behind a plot: its CSV, and its alternative for those who do not see it. Column names carry
/// their units.
struct PlotTable {
    QStringList columns;
    std::vector<std::vector<QVariant>> rows;  ///< as long as `columns`; numbers, or text

    /// RFC 4180 with a header line and "\n" ends. Doubles are written so that reading them gives the same
    /// double; independent of the locale; an invalid QVariant is an empty field.
    QString toCsv() const;
};

}  // namespace bitlathe::plots
