#include "plots/compare_bars_plot.h"

#include "plots/detail/painting.h"
#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitlathe::plots {

namespace {

constexpr double kSidePx = 8;
constexpr double kChipPx = 18;
constexpr double kColumnGapPx = 20;
constexpr double kNarrowestColumnPx = 130;
constexpr double kBandGapPx = 8;
constexpr double kTallestRowPx = 30;
constexpr double kIntervalShare =
    1.6;  // width of a column of intervals, which shows small differences, in columns of bars

/// Two decimals at most: "8", "7.2", "4.31".
QString shortDecimal(double value) {
    for (const double resolution : {1.0, 0.1}) {
        if (std::abs(value / resolution - std::round(value / resolution)) < 1e-3) {
            return valueAtResolution(value, resolution);
        }
    }
    return valueAtResolution(value, 0.01);
}

/// "+0.12", "−3.4": always with a sign, and a real minus.
QString signedText(double difference, const QString& magnitude) {
    return (difference < 0 ? QStringLiteral("−") : QStringLiteral("+")) + magnitude;
}

}  // namespace

CompareBarsPlot::CompareBarsPlot(QWidget* parent) : PlotWidget(tr("Comparison of runs"), parent) {
    setEmptyText(tr("Select two or more runs to compare them."));
    plot()->xAxis->setVisible(false);
    plot()->yAxis->setVisible(false);
    plot()->xAxis->grid()->setVisible(false);
    plot()->yAxis->grid()->setVisible(false);
    QSizePolicy policy = sizePolicy();
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    detail::addPainting(*plot(), QStringLiteral("data"), [this](QPainter& painter) { paintRuns(painter); });
    finishConstruction();
}

QString CompareBarsPlot::letter(int index) {
    QString name;
    for (int rest = index; rest >= 0; rest = rest / 26 - 1) {
        name.prepend(QChar(u'A' + rest % 26));
    }
    return name;
}

void CompareBarsPlot::setRuns(std::vector<CompareRun> runs) {
    m_runs = std::move(runs);
    buildColumns();
    setHasData(!m_runs.empty());
    describeData();
    updateGeometry();
    replotLater(Part::All);
}

void CompareBarsPlot::buildColumns() {
    m_columns.clear();
    const auto add = [this](const QString& title, bool isFromZero, const auto& valueOf, const auto& textOf,
                            const auto& differenceOf) {
        Column column{title, isFromZero, {}, {}};
        std::optional<double> first;
        std::optional<core::Range> span;
        for (std::size_t i = 0; i < m_runs.size(); ++i) {
            Cell cell;
            if (const auto value = valueOf(m_runs[i])) {
                cell.value = static_cast<double>(*value);
                cell.interval = isFromZero ? std::nullopt : m_runs[i].accuracy95;
                cell.text = textOf(*cell.value);
                if (i == 0) {
                    first = cell.value;
                } else if (first) {
                    cell.text += QStringLiteral("  ") + differenceOf(*cell.value - *first, *first);
                }
                const core::Range reach = cell.interval.value_or(core::Range{*cell.value, *cell.value});
                span =
                    span ? core::Range{std::min(span->lower, reach.lower), std::max(span->upper, reach.upper)}
                         : reach;
            }
            column.cells.push_back(std::move(cell));
        }
        if (!span) {
            return;
        }
        const double pad = span->width() > 0 ? 0.08 * span->width() : 1;
        column.axis = isFromZero ? core::Range{0, span->upper > 0 ? span->upper : 1}
                                 : core::Range{span->lower - pad, span->upper + pad};
        m_columns.push_back(std::move(column));
    };
    const auto accuracyDifference = [](double difference, double) {
        return signedText(difference, valueAtResolution(std::abs(difference), 0.01));
    };
    const auto bitsDifference = [](double difference, double) {
        return signedText(difference, shortDecimal(std::abs(difference)));
    };
    const auto shareDifference = [](double difference, double first) {
        return first > 0
                   ? signedText(difference,
                                tr("%1 %").arg(valueAtResolution(std::abs(100 * difference / first), 1)))
                   : QString();
    };
    const auto twoDecimals = [](double value) { return valueAtResolution(value, 0.01); };
    add(
        tr("Accuracy (%), 95 % interval"), false, [](const CompareRun& r) { return r.accuracyPercent; },
        twoDecimals, accuracyDifference);
    add(
        tr("Bits per weight"), true, [](const CompareRun& r) { return r.weightBits; }, shortDecimal,
        bitsDifference);
    add(
        tr("Bits per activation"), true, [](const CompareRun& r) { return r.activationBits; }, shortDecimal,
        bitsDifference);
    add(
        tr("ROM"), true, [](const CompareRun& r) { return r.romBytes; }, shortBytes, shareDifference);
    add(
        tr("RAM at peak"), true, [](const CompareRun& r) { return r.ramBytes; }, shortBytes, shareDifference);
}

// ---- Geometry
// ------------------------------------------------------------------------------------------------------

CompareBarsPlot::Grid CompareBarsPlot::grid(const QSizeF& size) const {
    const QFontMetricsF metrics(smallFont());
    Grid grid;
    double widestName = 0;
    for (const CompareRun& run : m_runs) {
        widestName = std::max(widestName, metrics.horizontalAdvance(run.name));
    }
    grid.nameWidth = kChipPx + 6 + std::min(widestName + 4, 0.22 * size.width());
    const double room = size.width() - 2 * kSidePx - grid.nameWidth;
    const auto count = static_cast<double>(std::max<std::size_t>(m_columns.size(), 1));
    const double fitting = std::clamp(std::floor(room / (kNarrowestColumnPx + kColumnGapPx)), 1.0, count);
    // As many columns in each band as in the others: three and two, not four and one.
    grid.columnsPerBand = static_cast<int>(std::ceil(count / std::ceil(count / fitting)));
    // The accuracy comes first; its place is wider in every band, so that bands line up.
    const bool hasInterval = !m_columns.empty() && !m_columns.front().isFromZero && grid.columnsPerBand > 1;
    const double extra = hasInterval ? kIntervalShare - 1 : 0;
    grid.columnWidth = (room - grid.columnsPerBand * kColumnGapPx) / (grid.columnsPerBand + extra);
    grid.firstWidth = grid.columnWidth * (1 + extra);
    grid.titleHeight = std::ceil(metrics.height()) + 4;
    const double bandRoom = size.height() / bands(grid) - grid.titleHeight - kBandGapPx;
    grid.rowHeight = std::clamp(bandRoom / static_cast<double>(std::max<std::size_t>(m_runs.size(), 1)),
                                std::ceil(metrics.height()) + 2, kTallestRowPx);
    return grid;
}

int CompareBarsPlot::bands(const Grid& grid) const {
    const int columns = static_cast<int>(std::max<std::size_t>(m_columns.size(), 1));
    return (columns + grid.columnsPerBand - 1) / grid.columnsPerBand;
}

QRectF CompareBarsPlot::rowRect(const Grid& grid, int band, int run) const {
    const double bandHeight =
        grid.titleHeight + grid.rowHeight * static_cast<double>(m_runs.size()) + kBandGapPx;
    return {kSidePx, 4 + band * bandHeight + grid.titleHeight + run * grid.rowHeight, width() - 2 * kSidePx,
            grid.rowHeight};
}

void CompareBarsPlot::relayout() {
    // Rows are never cut: a low dock scrolls. Depends on the width alone, so it settles.
    setMinimumHeight(hasData() ? heightForWidth(width()) : 0);
}

int CompareBarsPlot::heightForWidth(int width) const {
    const Grid fitted = grid(QSizeF(width, 1));  // rows at their lowest
    const double rows = static_cast<double>(std::max<std::size_t>(m_runs.size(), 2));
    return static_cast<int>(
               std::ceil(bands(fitted) * (fitted.titleHeight + rows * fitted.rowHeight + kBandGapPx))) +
           8;
}

QSize CompareBarsPlot::sizeHint() const {
    return {1000, std::max(120, heightForWidth(1000))};
}

QSize CompareBarsPlot::minimumSizeHint() const {
    return {300, 80};
}

int CompareBarsPlot::runAt(const QPointF& position) const {
    if (m_runs.empty()) {
        return -1;
    }
    const Grid fitted = grid(size());
    for (int band = 0; band < bands(fitted); ++band) {
        for (int run = 0; run < static_cast<int>(m_runs.size()); ++run) {
            if (rowRect(fitted, band, run).contains(position)) {
                return run;
            }
        }
    }
    return -1;
}

// ---- Painting
// ------------------------------------------------------------------------------------------------------

void CompareBarsPlot::paintRuns(QPainter& painter) const {
    const Grid fitted = grid(size());
    const QFontMetricsF metrics(smallFont());
    QFont bold = smallFont();
    bold.setBold(true);
    for (int band = 0; band < bands(fitted); ++band) {
        for (int run = 0; run < static_cast<int>(m_runs.size()); ++run) {
            const QRectF row = rowRect(fitted, band, run);
            const QColor color = PlotTheme::category(run, theme().scheme);
            QRectF chip(row.left(), 0, kChipPx, std::min(row.height() - 3, 16.0));
            chip.moveTop(std::round(row.center().y() - chip.height() / 2));
            painter.setRenderHint(QPainter::Antialiasing);
            painter.setPen(Qt::NoPen);
            painter.setBrush(color);
            painter.drawRoundedRect(chip, 3, 3);
            painter.setRenderHint(QPainter::Antialiasing, false);
            painter.setFont(bold);
            painter.setPen(PlotTheme::textOn(color));
            painter.drawText(chip, Qt::AlignCenter, letter(run));
            painter.setFont(smallFont());
            painter.setPen(theme().text);
            const double room = fitted.nameWidth - kChipPx - 6;
            painter.drawText(
                QRectF(row.left() + kChipPx + 6, row.top(), room, row.height()),
                Qt::AlignLeft | Qt::AlignVCenter,
                metrics.elidedText(m_runs[static_cast<std::size_t>(run)].name, Qt::ElideMiddle, room));
        }
    }
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
        const int band = static_cast<int>(i) / fitted.columnsPerBand;
        const int place = static_cast<int>(i) % fitted.columnsPerBand;
        const QRectF first = rowRect(fitted, band, 0);
        const double begin = first.left() + fitted.nameWidth + kColumnGapPx;
        const double left = place == 0 ? begin
                                       : begin + fitted.firstWidth + kColumnGapPx +
                                             (place - 1) * (fitted.columnWidth + kColumnGapPx);
        paintColumn(painter, m_columns[i],
                    QRectF(left, first.top(), place == 0 ? fitted.firstWidth : fitted.columnWidth,
                           fitted.rowHeight * static_cast<double>(m_runs.size())),
                    fitted);
    }
}

void CompareBarsPlot::paintColumn(QPainter& painter, const Column& column, const QRectF& area,
                                  const Grid& fitted) const {
    const QFontMetricsF metrics(smallFont());
    painter.setFont(smallFont());
    painter.setPen(theme().muted);
    painter.drawText(
        QRectF(area.left(), area.top() - fitted.titleHeight, area.width(), fitted.titleHeight - 2),
        Qt::AlignLeft | Qt::AlignVCenter, metrics.elidedText(column.title, Qt::ElideRight, area.width()));
    double textWidth = 0;
    for (const Cell& cell : column.cells) {
        textWidth = std::max(textWidth, std::ceil(metrics.horizontalAdvance(cell.text)) + 1);
    }
    const double barWidth = std::max(12.0, area.width() - textWidth - 8);
    const auto x = [&](double value) {
        return area.left() + (value - column.axis.lower) / column.axis.width() * barWidth;
    };

    painter.fillRect(QRectF(area.left(), area.top(), 1, area.height()), theme().border);
    if (!column.isFromZero && column.cells.front().value) {
        // Where run A stands, through all rows.
        painter.setPen(QPen(theme().muted, 1, Qt::DotLine));
        const double at = std::round(x(*column.cells.front().value)) + 0.5;
        painter.drawLine(QPointF(at, area.top()), QPointF(at, area.bottom()));
    }
    for (std::size_t run = 0; run < column.cells.size(); ++run) {
        const Cell& cell = column.cells[run];
        const QRectF row(area.left(), area.top() + static_cast<double>(run) * fitted.rowHeight, area.width(),
                         fitted.rowHeight);
        const double middle = std::round(row.center().y());
        const QColor color = PlotTheme::category(static_cast<int>(run), theme().scheme);
        painter.setPen(theme().text);
        painter.drawText(QRectF(area.left() + barWidth + 8, row.top(), textWidth, row.height()),
                         Qt::AlignLeft | Qt::AlignVCenter, cell.value ? cell.text : QStringLiteral("–"));
        if (!cell.value) {
            continue;
        }
        if (column.isFromZero) {
            const double thickness = std::round(std::min(fitted.rowHeight * 0.6, 14.0));
            painter.fillRect(QRectF(area.left() + 1, middle - std::floor(thickness / 2),
                                    std::max(1.0, std::round(x(*cell.value) - area.left())), thickness),
                             color);
            continue;
        }
        painter.setRenderHint(QPainter::Antialiasing);
        if (cell.interval) {
            painter.setPen(QPen(color, 1.5));
            const double from = x(cell.interval->lower);
            const double to = x(cell.interval->upper);
            painter.drawLine(QPointF(from, middle), QPointF(to, middle));
            painter.drawLine(QPointF(from, middle - 3.5), QPointF(from, middle + 3.5));
            painter.drawLine(QPointF(to, middle - 3.5), QPointF(to, middle + 3.5));
        }
        painter.setPen(QPen(theme().surface, 1));
        painter.setBrush(color);
        painter.drawEllipse(QPointF(x(*cell.value), middle), 4.5, 4.5);
        painter.setRenderHint(QPainter::Antialiasing, false);
    }
}

// ---- Words and numbers
// ---------------------------------------------------------------------------------------------

void CompareBarsPlot::clickAt(const QPointF& position, Qt::KeyboardModifiers) {
    const int run = runAt(position);
    if (run >= 0) {
        Q_EMIT runClicked(m_runs[static_cast<std::size_t>(run)].id);
    }
}

QString CompareBarsPlot::toolTipAt(const QPointF& position) const {
    const int index = runAt(position);
    if (index < 0) {
        return {};
    }
    const CompareRun& run = m_runs[static_cast<std::size_t>(index)];
    QStringList lines{tr("%1: %2").arg(letter(index), run.name)};
    if (run.accuracyPercent) {
        QString line = tr("accuracy %1 %").arg(valueAtResolution(*run.accuracyPercent, 0.01));
        if (run.accuracy95) {
            line += tr(" (95 %: %1 … %2, n = %3)")
                        .arg(valueAtResolution(run.accuracy95->lower, 0.01),
                             valueAtResolution(run.accuracy95->upper, 0.01), QLocale().toString(run.samples));
        }
        lines += line;
    }
    if (run.romBytes) {
        lines += tr("ROM %1").arg(exactBytes(*run.romBytes));
    }
    if (run.ramBytes) {
        lines += tr("RAM %1").arg(exactBytes(*run.ramBytes));
    }
    return lines.join(QLatin1Char('\n'));
}

void CompareBarsPlot::describeData() {
    if (m_runs.empty()) {
        return;
    }
    QStringList parts;
    for (std::size_t run = 0; run < m_runs.size(); ++run) {
        QStringList figures;
        for (const Column& column : m_columns) {
            if (column.cells[run].value) {
                figures += tr("%1 %2").arg(column.title, column.cells[run].text);
            }
        }
        parts +=
            tr("%1 (%2): %3.")
                .arg(letter(static_cast<int>(run)), m_runs[run].name, figures.join(QStringLiteral(", ")));
    }
    describe(parts.join(QLatin1Char(' ')));
}

PlotTable CompareBarsPlot::table(TableExtent) const {
    PlotTable table;
    table.columns = {QStringLiteral("run"),
                     QStringLiteral("name"),
                     QStringLiteral("accuracy_percent"),
                     QStringLiteral("accuracy_lower95"),
                     QStringLiteral("accuracy_upper95"),
                     QStringLiteral("samples"),
                     QStringLiteral("weight_bits"),
                     QStringLiteral("activation_bits"),
                     QStringLiteral("rom_bytes"),
                     QStringLiteral("ram_bytes")};
    const auto cell = [](const auto& value) { return value ? QVariant::fromValue(*value) : QVariant(); };
    for (const CompareRun& run : m_runs) {
        table.rows.push_back({run.id, run.name, cell(run.accuracyPercent),
                              run.accuracy95 ? QVariant(run.accuracy95->lower) : QVariant(),
                              run.accuracy95 ? QVariant(run.accuracy95->upper) : QVariant(), run.samples,
                              cell(run.weightBits), cell(run.activationBits), cell(run.romBytes),
                              cell(run.ramBytes)});
    }
    return table;
}

}  // namespace bitlathe::plots
