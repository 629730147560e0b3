#include "plots/plot_theme.h"

#include <QFontInfo>

#include <algorithm>
#include <array>
#include <cmath>

namespace bitlathe::plots {

namespace {

/// WCAG relative luminance of an opaque colour, 0..1.
double luminance(const QColor& color) {
    const auto linear = [](double c) {
        return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF());
}

QColor mixed(const QColor& a, const QColor& b, double shareOfB) {
    const auto mix = [shareOfB](int x, int y) {
        return static_cast<int>(std::lround(x + (y - x) * shareOfB));
    };
    return {mix(a.red(), b.red()), mix(a.green(), b.green()), mix(a.blue(), b.blue())};
}

}  // namespace

PlotTheme PlotTheme::light() {
    PlotTheme theme;
    theme.scheme = Scheme::Light;
    theme.desk = 0xF3F4F6;
    theme.surface = 0xFFFFFF;
    theme.header = 0xECEEF1;
    theme.border = 0xD9DCE1;
    theme.grid = 0xE6E8EC;
    theme.text = 0x1F2430;
    theme.muted = 0x6B7280;
    theme.accent = 0x0F6FB8;
    theme.series = 0x0F6FB8;
    theme.greyed = 0xC9CED6;
    theme.shade = 0xECF4FB;
    theme.selection = 0xDCEBF8;
    theme.attention = 0xC2570C;
    theme.good = 0x14804A;
    return theme;
}

PlotTheme PlotTheme::dark() {
    PlotTheme theme;
    theme.scheme = Scheme::Dark;
    theme.desk = 0x1B1E24;
    theme.surface = 0x23272F;
    theme.header = 0x2B303A;
    theme.border = 0x353B46;
    theme.grid = 0x313742;
    theme.text = 0xE4E7EC;
    theme.muted = 0x98A1B0;
    theme.accent = 0x5AB0EE;
    theme.series = 0x5AB0EE;
    theme.greyed = 0x4D5563;
    theme.shade = 0x243648;
    theme.selection = 0x27435C;
    theme.attention = 0xF0A050;
    theme.good = 0x4FC98A;
    return theme;
}

PlotTheme PlotTheme::forPalette(const QPalette& palette) {
    const QColor window = palette.color(QPalette::Window);
    PlotTheme theme = luminance(window) < 0.2 ? dark() : light();
    theme.surface = palette.color(QPalette::Base);
    return theme;
}

QPalette PlotTheme::palette() const {
    QPalette palette;
    palette.setColor(QPalette::Window, desk);
    palette.setColor(QPalette::WindowText, text);
    palette.setColor(QPalette::Base, surface);
    palette.setColor(QPalette::AlternateBase, header);
    palette.setColor(QPalette::Text, text);
    palette.setColor(QPalette::PlaceholderText, muted);
    palette.setColor(QPalette::Button, surface);
    palette.setColor(QPalette::ButtonText, text);
    palette.setColor(QPalette::ToolTipBase, header);
    palette.setColor(QPalette::ToolTipText, text);
    palette.setColor(QPalette::Highlight, accent);
    palette.setColor(QPalette::HighlightedText, textOn(accent));
    palette.setColor(QPalette::Link, accent);
    palette.setColor(QPalette::BrightText, attention);
    palette.setColor(QPalette::Light, surface);
    palette.setColor(QPalette::Midlight, header);
    palette.setColor(QPalette::Mid, border);
    palette.setColor(QPalette::Dark, border);
    for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
        palette.setColor(QPalette::Disabled, role, mixed(surface, muted, 0.6));
    }
    return palette;
}

QColor PlotTheme::colorForBits(std::optional<core::BitWidth> bits) const {
    if (!bits) {
        return scheme == Scheme::Light ? QColor(0xE3E5E9) : QColor(0x596070);
    }
    // Anchors at 16, 8, 4, 2 and 1 bit, evenly spaced in log2(bits); widths between them are mixed.
    static const std::array<QColor, 5> kAnchors{QColor(0x0B4F86), QColor(0x2F7FB6), QColor(0x7FB7DD),
                                                QColor(0xCFE3F3), QColor(0xEDF4FA)};
    const double position = std::log2(static_cast<double>(bits->bits()));
    const int below = std::min(static_cast<int>(position), 3);
    return mixed(kAnchors[static_cast<std::size_t>(below)], kAnchors[static_cast<std::size_t>(below) + 1],
                 position - below);
}

QColor PlotTheme::textOn(const QColor& background) {
    // The better WCAG contrast of the two text colours: (L1 + 0.05) / (L2 + 0.05).
    const QColor darkText(0x1F2430);
    const double onWhite = 1.05 / (luminance(background) + 0.05);
    const double onDark = (luminance(background) + 0.05) / (luminance(darkText) + 0.05);
    return onWhite > onDark ? QColor(0xFFFFFF) : darkText;
}

QColor PlotTheme::category(int index, Scheme scheme) {
    // Okabe and Ito 2008, without black and with blue first; yellow last, it is weak on white.
    static const std::array<QColor, 7> kColors{QColor(0x0072B2), QColor(0xE69F00), QColor(0x009E73),
                                               QColor(0xCC79A7), QColor(0x56B4E9), QColor(0xD55E00),
                                               QColor(0xF0E442)};
    const QColor color = kColors[static_cast<std::size_t>(std::max(index, 0)) % kColors.size()];
    return scheme == Scheme::Light ? color : mixed(color, QColor(0xFFFFFF), 0.25);
}

QFont PlotTheme::smallFont(const QFont& base) {
    QFont font = base;
    font.setPixelSize(std::max(8, static_cast<int>(std::lround(QFontInfo(base).pixelSize() * 0.85))));
    return font;
}

}  // namespace bitlathe::plots
