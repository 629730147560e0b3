#pragma once

#include "plots/plot_widget.h"

#include <QString>

#include <optional>
#include <vector>

namespace bitlathe::plots {

/// The figures of one run that people compare. What is empty for all runs has no column.
struct CompareRun {
    qint64 id = 0;
    QString name;
    std::optional<double> accuracyPercent;
    std::optional<core::Range> accuracy95;  ///< 95 % interval, %
    qint64 samples = 0;                     ///< behind the accuracy
    std::optional<double> weightBits;       ///< mean over the weights
    std::optional<double> activationBits;   ///< mean over the activations
    std::optional<qint64> romBytes;
    std::optional<qint64> ramBytes;  ///< at the peak
};

/// Two or more runs side by side: a row per run (A, B, ... in its colour), a column per figure. Accuracy is a
/// dot with its interval on an axis that begins where the runs do; bits and bytes are bars from zero.
/// Differences are against run A. Narrow, the columns wrap.
class CompareBarsPlot final : public PlotWidget {
    Q_OBJECT

public:
    explicit CompareBarsPlot(QWidget* parent = nullptr);

    void setRuns(std::vector<CompareRun> runs);

    PlotTable table(TableExtent extent) const override;
    QString toolTipAt(const QPointF& position) const override;
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;
    /// "A", "B", ... "Z", "AA": how run `index` is called everywhere.
    static QString letter(int index);

Q_SIGNALS:
    void runClicked(qint64 id);

protected:
    void relayout() override;
    void clickAt(const QPointF& position, Qt::KeyboardModifiers modifiers) override;

private:
    struct Cell {
        std::optional<double> value;
        std::optional<core::Range> interval;
        QString text;
    };
    struct Column {
        QString title;
        bool isFromZero = true;
        std::vector<Cell> cells;  ///< one per run
        core::Range axis;
    };
    struct Grid {
        double nameWidth = 0;
        double firstWidth = 0;   ///< of the first column in a band
        double columnWidth = 0;  ///< of the others
        double rowHeight = 0;
        double titleHeight = 0;
        int columnsPerBand = 1;
    };

    void buildColumns();
    Grid grid(const QSizeF& size) const;
    int bands(const Grid& grid) const;
    QRectF rowRect(const Grid& grid, int band, int run) const;
    int runAt(const QPointF& position) const;
    void describeData();
    void paintRuns(QPainter& painter) const;
    void paintColumn(QPainter& painter, const Column& column, const QRectF& area, const Grid& grid) const;

    std::vector<CompareRun> m_runs;
    std::vector<Column> m_columns;
};

}  // namespace bitlathe::plots
