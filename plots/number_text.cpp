#include "plots/number_text.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <array>
#include <cmath>

namespace bitlathe::plots {

namespace {

QString text(const char* source) {
    return QCoreApplication::translate("bitlathe::plots::NumberText", source);
}

/// "1.2e-7": the locale's digits, without the capital E and the padded exponent it likes.
QString scientific(double value) {
    const QStringList parts = QString::number(value, 'e', 2).split(QLatin1Char('e'));
    const QString mantissa = QLocale().toString(parts[0].toDouble(), 'g', 3);
    return mantissa + QLatin1Char('e') + QString::number(parts[1].toInt());
}

/// `value` with at most three significant digits and no trailing zeros.
QString threeDigits(double value) {
    const double magnitude = std::abs(value);
    const int decimals = magnitude >= 99.95 ? 0 : magnitude >= 9.995 ? 1 : 2;
    QString number = QLocale().toString(value, 'f', decimals);
    const QString point = QLocale().decimalPoint();
    if (decimals > 0 && number.contains(point)) {
        while (number.endsWith(QLatin1Char('0'))) {
            number.chop(1);
        }
        if (number.endsWith(point)) {
            number.chop(point.size());
        }
    }
    return number;
}

}  // namespace

QString exactBytes(qint64 bytes) {
    return text(QT_TRANSLATE_NOOP("bitlathe::plots::NumberText", "%1 B")).arg(QLocale().toString(bytes));
}

QString shortBytes(double bytes) {
    if (std::abs(bytes) < 1024) {
        return text(QT_TRANSLATE_NOOP("bitlathe::plots::NumberText", "%1 B")).arg(threeDigits(bytes));
    }
    if (std::abs(bytes) < 1024 * 1024) {
        return text(QT_TRANSLATE_NOOP("bitlathe::plots::NumberText", "%1 KiB"))
            .arg(threeDigits(bytes / 1024));
    }
    return text(QT_TRANSLATE_NOOP("bitlathe::plots::NumberText", "%1 MiB"))
        .arg(threeDigits(bytes / (1024.0 * 1024)));
}

QString shortValue(double value) {
    const double magnitude = std::abs(value);
    if (magnitude != 0 && (magnitude < 1e-3 || magnitude >= 1e6)) {
        return scientific(value);
    }
    return valueAtResolution(value, magnitude == 0 ? 1 : std::pow(10, std::floor(std::log10(magnitude)) - 3));
}

QString valueAtResolution(double value, double resolution) {
    if (value != 0 && (std::abs(value) >= 1e6 || std::abs(value) < 1e-5)) {
        return scientific(value);
    }
    const int decimals =
        resolution > 0 ? std::clamp(static_cast<int>(std::ceil(-std::log10(resolution) - 1e-9)), 0, 6) : 6;
    const QString number = QLocale().toString(value, 'f', decimals);
    // A small negative must not read "-0.00".
    return std::abs(value) < 0.5 * std::pow(10, -decimals) ? QLocale().toString(0.0, 'f', decimals) : number;
}

QString shortCount(double count) {
    const double magnitude = std::abs(count);
    if (magnitude < 1000) {
        return threeDigits(count);
    }
    if (magnitude < 1e6) {
        return text(QT_TRANSLATE_NOOP("bitlathe::plots::NumberText", "%1k")).arg(threeDigits(count / 1e3));
    }
    if (magnitude < 1e9) {
        return text(QT_TRANSLATE_NOOP("bitlathe::plots::NumberText", "%1M")).arg(threeDigits(count / 1e6));
    }
    return text(QT_TRANSLATE_NOOP("bitlathe::plots::NumberText", "%1G")).arg(threeDigits(count / 1e9));
}

QString percentText(double share) {
    const double percent = 100 * share;
    if (percent > 0 && percent < 0.01) {
        return text(QT_TRANSLATE_NOOP("bitlathe::plots::NumberText", "< %1 %"))
            .arg(QLocale().toString(0.01, 'f', 2));
    }
    return text(QT_TRANSLATE_NOOP("bitlathe::plots::NumberText", "%1 %"))
        .arg(valueAtResolution(percent, percent < 1 && percent > 0 ? 0.01 : 0.1));
}

QString powerOfTen(int exponent) {
    if (exponent == 0 || exponent == 1) {
        return exponent == 0 ? QStringLiteral("1") : QStringLiteral("10");
    }
    static constexpr std::array<char16_t, 10> kSuperscripts{u'⁰', u'¹', u'²', u'³', u'⁴',
                                                            u'⁵', u'⁶', u'⁷', u'⁸', u'⁹'};
    QString power = QStringLiteral("10");
    if (exponent < 0) {
        power += QChar(u'⁻');
    }
    for (const QChar digit : QString::number(std::abs(exponent))) {
        power += QChar(kSuperscripts[static_cast<std::size_t>(digit.digitValue())]);
    }
    return power;
}

}  // namespace bitlathe::plots
