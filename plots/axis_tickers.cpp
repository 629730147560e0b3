#include "plots/axis_tickers.h"

#include "plots/number_text.h"

#include <qcustomplot.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace bitlathe::plots {

namespace {

bool isHorizontal(const QCPAxis* axis) {
    return axis->orientation() == Qt::Horizontal;
}

double lengthPx(const QCPAxis* axis) {
    return isHorizontal(axis) ? axis->axisRect()->width() : axis->axisRect()->height();
}

/// Room one label needs along the axis, px.
double labelPitch(const QCPAxis* axis, const QString& widest) {
    const QFontMetricsF metrics(axis->tickLabelFont());
    return isHorizontal(axis) ? metrics.horizontalAdvance(widest) + 1.5 * metrics.averageCharWidth()
                              : 1.55 * metrics.height();
}

class FittingTicker final : public QCPAxisTicker {
public:
    FittingTicker(const QCPAxis* axis, TickText text) : m_axis(axis), m_text(text) {}

protected:
    double getTickStep(const QCPRange& range) override {
        // Begin with as many ticks as narrow labels allow, then widen the step until the widest real label
        // fits.
        double step = niceStep(range.size() * labelPitch(m_axis, QStringLiteral("00")) /
                               std::max(1.0, lengthPx(m_axis)));
        for (int attempt = 0; attempt < 8; ++attempt) {
            m_step = step;
            const QString atLower = label(std::ceil(range.lower / step) * step);
            const QString atUpper = label(std::floor(range.upper / step) * step);
            const double pitch = labelPitch(m_axis, atLower.size() > atUpper.size() ? atLower : atUpper) *
                                 range.size() / std::max(1.0, lengthPx(m_axis));
            if (step >= pitch) {
                break;
            }
            step = niceStep(std::max(pitch, step * 1.01));
        }
        return m_step;
    }
    int getSubTickCount(double) override { return 0; }
    QString getTickLabel(double tick, const QLocale&, QChar, int) override { return label(tick); }

private:
    /// Smallest step that reads well and is at least `minimum`.
    double niceStep(double minimum) const {
        if (!(minimum > 0) || !std::isfinite(minimum)) {
            return 1;
        }
        if (m_text == TickText::Bytes) {
            return std::exp2(std::ceil(std::log2(std::max(1.0, minimum))));
        }
        const double magnitude = std::pow(10, std::floor(std::log10(minimum)));
        static constexpr std::array<double, 5> kPlain{1, 2, 2.5, 5, 10};
        static constexpr std::array<double, 5> kWhole{1, 2, 3, 5, 10};
        if (m_text == TickText::Integer && minimum <= 1) {
            return 1;
        }
        // 2.5 needs one more decimal than its neighbours, and for whole numbers exists from 25 on.
        const bool useWhole = m_text == TickText::Integer && magnitude < 10;
        for (const double factor : useWhole ? kWhole : kPlain) {
            if (factor * magnitude >= minimum * (1 - 1e-9)) {
                return factor * magnitude;
            }
        }
        return 10 * magnitude;
    }
    QString label(double tick) const {
        switch (m_text) {
        case TickText::Count:
            return shortCount(tick);
        case TickText::Bytes:
            return std::abs(tick) < 0.5 ? QStringLiteral("0") : shortBytes(tick);
        case TickText::Integer:
            return QLocale().toString(tick, 'f', 0);
        case TickText::Value:
            break;
        }
        if (std::abs(tick) < m_step * 1e-6) {
            return QStringLiteral("0");
        }
        if (m_step < 1e-5) {
            return QLocale().toString(tick, 'g', 4);
        }
        // 0.25 steps need two decimals, 0.2 steps one.
        const double magnitude = std::pow(10, std::floor(std::log10(m_step) + 1e-9));
        const bool isQuarter = std::abs(m_step / magnitude - 2.5) < 1e-6;
        return valueAtResolution(tick, isQuarter ? magnitude / 10 : magnitude);
    }

    const QCPAxis* m_axis;
    TickText m_text;
    double m_step = 1;
};

class PowerTicker final : public QCPAxisTicker {
public:
    explicit PowerTicker(const QCPAxis* axis) : m_axis(axis) {}

    void generate(const QCPRange& range, const QLocale&, QChar, int, QVector<double>& ticks,
                  QVector<double>* subTicks, QVector<QString>* tickLabels) override {
        ticks.clear();
        if (subTicks) {
            subTicks->clear();
        }
        if (tickLabels) {
            tickLabels->clear();
        }
        if (!(range.lower > 0) || !(range.upper > range.lower)) {
            return;
        }
        const double decades = std::log10(range.upper / range.lower);
        const double pixelsPerDecade = std::max(1.0, lengthPx(m_axis)) / decades;
        const double pitch = labelPitch(m_axis, QStringLiteral("10⁻¹⁰"));
        const int step = std::max(1, static_cast<int>(std::ceil(pitch / pixelsPerDecade)));
        // Within one or two decades the powers alone say too little: 2 and 5 join them where 1 to 2, 0.3 of a
        // decade, is a label apart.
        const bool hasRoom = decades < 2.2 && 0.3 * pixelsPerDecade > pitch;
        const int first = static_cast<int>(std::floor(std::log10(range.lower)));
        const int last = static_cast<int>(std::ceil(std::log10(range.upper)));
        for (int exponent = first; exponent <= last; ++exponent) {
            for (const int factor : {1, 2, 5}) {
                const double tick = factor * std::pow(10.0, exponent);
                const bool isWanted = factor == 1 ? exponent % step == 0 : hasRoom;
                if (!isWanted || tick < range.lower * (1 - 1e-9) || tick > range.upper * (1 + 1e-9)) {
                    continue;
                }
                ticks.append(tick);
                if (tickLabels) {
                    tickLabels->append(factor == 1 ? powerOfTen(exponent) : shortValue(tick));
                }
            }
        }
    }

private:
    const QCPAxis* m_axis;
};

}  // namespace

QSharedPointer<QCPAxisTicker> makeTicker(const QCPAxis* axis, TickText text) {
    return QSharedPointer<QCPAxisTicker>(new FittingTicker(axis, text));
}

QSharedPointer<QCPAxisTicker> makeLogTicker(const QCPAxis* axis) {
    return QSharedPointer<QCPAxisTicker>(new PowerTicker(axis));
}

}  // namespace bitlathe::plots
