#include "plots/plot_table.h"

#include <QLocale>

namespace bitlathe::plots {

namespace {

QString quoted(const QString& field) {
    const bool needsQuotes = field.contains(QLatin1Char(',')) || field.contains(QLatin1Char('"')) ||
                             field.contains(QLatin1Char('\n')) || field.contains(QLatin1Char('\r'));
    if (!needsQuotes) {
        return field;
    }
    QString escaped = field;
    escaped.replace(QLatin1Char('"'), QLatin1String("\"\""));
    return QLatin1Char('"') + escaped + QLatin1Char('"');
}

QString fieldText(const QVariant& value) {
    if (value.typeId() == QMetaType::Double || value.typeId() == QMetaType::Float) {
        return QString::number(value.toDouble(), 'g', QLocale::FloatingPointShortest);
    }
    return quoted(value.toString());
}

}  // namespace

QString PlotTable::toCsv() const {
    QString csv;
    for (qsizetype i = 0; i < columns.size(); ++i) {
        csv += (i > 0 ? QStringLiteral(",") : QString()) + quoted(columns[i]);
    }
    csv += QLatin1Char('\n');
    for (const std::vector<QVariant>& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            csv += (i > 0 ? QStringLiteral(",") : QString()) + fieldText(row[i]);
        }
        csv += QLatin1Char('\n');
    }
    return csv;
}

}  // namespace bitlathe::plots
