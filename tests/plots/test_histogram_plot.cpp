#include "plot_samples.h"

#include "plots/histogram_plot.h"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

using namespace bitlathe::plots;
using bitlathe::core::Histogram;
using bitlathe::core::Range;

namespace {

Range rangeOf(const QSignalSpy& spy, qsizetype index) {
    return spy.at(index).at(0).value<Range>();
}
quint64 gestureOf(const QSignalSpy& spy, qsizetype index) {
    return spy.at(index).at(1).toULongLong();
}

/// Counts the paint events of a widget and its children.
class PaintCounter : public QObject {
public:
    explicit PaintCounter(QWidget& widget) {
        widget.installEventFilter(this);
        for (QWidget* child : widget.findChildren<QWidget*>()) {
            child->installEventFilter(this);
        }
    }
    bool eventFilter(QObject*, QEvent* event) override {
        m_paints += event->type() == QEvent::Paint ? 1 : 0;
        return false;
    }
    int paints() const { return m_paints; }

private:
    int m_paints = 0;
};

/// One pixel of the axis in value units: no mouse position can be more exact.
double pixelWidth(const HistogramPlot& plot) {
    return plot.visibleRange().width() /
           (plot.xOf(plot.visibleRange().upper) - plot.xOf(plot.visibleRange().lower));
}

void moveMouse(HistogramPlot& plot, const QPointF& to, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    QMouseEvent event(QEvent::MouseMove, to, plot.mapToGlobal(to), Qt::NoButton, Qt::LeftButton, modifiers);
    QApplication::sendEvent(&plot, &event);
}

}  // namespace

class TestHistogramPlot : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }
    void init();
    void cleanup() { m_plot.reset(); }

    void settersDoNotEmit();
    void dragEmitsOncePerMoveAndCommitsOnce();
    void clickOnHandleChangesNothing();
    void grabZoneIsWide();
    void handlesDoNotCross();
    void controlKeepsSymmetric();
    void escapeRestores();
    void outsideCallsDoNotDisturbADrag();
    void hidingEndsADrag();
    void handleOutOfSightCannotBeGrabbed();
    void arrowKeysMoveByBins();
    void tabWalksTheHandles();
    void fixedHandleStays();
    void snapping();
    void wheelZoomsAtTheCursor();
    void panningMovesTheView();
    void logAxisNeverReachesZero();
    void labelsNeverOverlapNorLeave();
    void tableIsTheHistogram();
    void themeSwitchRecolours();
    void emptyStates();
    void describesItself();
    void dragFrame();

private:
    void press(double value) {
        QTest::mousePress(m_plot.get(), Qt::LeftButton, Qt::NoModifier,
                          QPoint(qRound(m_plot->xOf(value)), 100));
    }
    void release(double value) {
        QTest::mouseRelease(m_plot.get(), Qt::LeftButton, Qt::NoModifier,
                            QPoint(qRound(m_plot->xOf(value)), 100));
    }
    QPointF at(double value) const { return {m_plot->xOf(value), 100}; }

    std::unique_ptr<HistogramPlot> m_plot;
};

void TestHistogramPlot::init() {
    m_plot = std::make_unique<HistogramPlot>();
    m_plot->resize(370, 215);
    m_plot->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_plot.get()));
    m_plot->setHistogram(samples::weights());
    m_plot->setRange({-0.3, 0.25});
    QCoreApplication::processEvents();
}

void TestHistogramPlot::settersDoNotEmit() {
    const QSignalSpy dragged(m_plot.get(), &HistogramPlot::rangeDragged);
    const QSignalSpy committed(m_plot.get(), &HistogramPlot::rangeCommitted);
    m_plot->setRange({-0.1, 0.1});
    m_plot->setRepresentableRange(Range{-0.1, 0.09});
    m_plot->setHistogram(samples::activations());
    QCOMPARE(m_plot->range(), std::optional(Range{-0.1, 0.1}));
    QCOMPARE(dragged.size(), 0);
    QCOMPARE(committed.size(), 0);
}

void TestHistogramPlot::dragEmitsOncePerMoveAndCommitsOnce() {
    const QSignalSpy dragged(m_plot.get(), &HistogramPlot::rangeDragged);
    const QSignalSpy committed(m_plot.get(), &HistogramPlot::rangeCommitted);
    press(0.25);
    for (const double value : {0.22, 0.18, 0.12}) {
        moveMouse(*m_plot, at(value));
    }
    QCOMPARE(dragged.size(), 3);
    QCOMPARE(committed.size(), 0);
    moveMouse(*m_plot, at(0.12));  // no change, no signal
    QCOMPARE(dragged.size(), 3);
    release(0.12);
    QCOMPARE(committed.size(), 1);
    QVERIFY(std::abs(rangeOf(committed, 0).upper - 0.12) <= pixelWidth(*m_plot));
    QCOMPARE(rangeOf(committed, 0).lower, -0.3);
    QCOMPARE(rangeOf(committed, 0), *m_plot->range());
    QCOMPARE(gestureOf(committed, 0), gestureOf(dragged, 0));

    press(0.12);
    moveMouse(*m_plot, at(0.2));
    release(0.2);
    QCOMPARE(committed.size(), 2);
    QVERIFY(gestureOf(committed, 1) != gestureOf(committed, 0));
}

void TestHistogramPlot::clickOnHandleChangesNothing() {
    const QSignalSpy dragged(m_plot.get(), &HistogramPlot::rangeDragged);
    const QSignalSpy committed(m_plot.get(), &HistogramPlot::rangeCommitted);
    press(-0.3);
    release(-0.3);
    QCOMPARE(dragged.size() + committed.size(), 0);
    QCOMPARE(m_plot->focusedHandle(), std::optional(HistogramPlot::Handle::Lower));
}

void TestHistogramPlot::grabZoneIsWide() {
    const QSignalSpy dragged(m_plot.get(), &HistogramPlot::rangeDragged);
    const QPointF beside = at(0.25) + QPointF(7, 0);
    QTest::mouseMove(m_plot.get(), beside.toPoint());
    QCOMPARE(m_plot->cursor().shape(), Qt::SizeHorCursor);
    QTest::mousePress(m_plot.get(), Qt::LeftButton, Qt::NoModifier, beside.toPoint());
    // The handle keeps its distance from the pointer: it does not jump.
    moveMouse(*m_plot, beside.toPoint() + QPointF(-20, 0));
    QCOMPARE(dragged.size(), 1);
    QVERIFY(std::abs(rangeOf(dragged, 0).upper - (0.25 - 20 * pixelWidth(*m_plot))) < 1e-9);
    QTest::mouseMove(m_plot.get(), (at(-0.1)).toPoint());
}

void TestHistogramPlot::handlesDoNotCross() {
    press(0.25);
    moveMouse(*m_plot, at(-0.4));
    release(-0.4);
    QCOMPARE(m_plot->range()->lower, -0.3);
    QCOMPARE(m_plot->range()->upper, -0.3 + samples::weights().binWidth());
}

void TestHistogramPlot::controlKeepsSymmetric() {
    const QSignalSpy committed(m_plot.get(), &HistogramPlot::rangeCommitted);
    press(0.25);
    moveMouse(*m_plot, at(0.2), Qt::ControlModifier);
    QCOMPARE(m_plot->range()->lower, -m_plot->range()->upper);
    release(0.2);
    QCOMPARE(committed.size(), 1);
    QVERIFY(std::abs(rangeOf(committed, 0).upper - 0.2) <= pixelWidth(*m_plot));
    QCOMPARE(rangeOf(committed, 0).lower, -rangeOf(committed, 0).upper);
}

void TestHistogramPlot::escapeRestores() {
    const QSignalSpy dragged(m_plot.get(), &HistogramPlot::rangeDragged);
    const QSignalSpy committed(m_plot.get(), &HistogramPlot::rangeCommitted);
    const QSignalSpy cancelled(m_plot.get(), &HistogramPlot::dragCancelled);
    press(0.25);
    moveMouse(*m_plot, at(0.1), Qt::ControlModifier);
    QTest::keyClick(m_plot.get(), Qt::Key_Escape);
    QCOMPARE(*m_plot->range(), (Range{-0.3, 0.25}));
    QCOMPARE(rangeOf(dragged, dragged.size() - 1), (Range{-0.3, 0.25}));
    moveMouse(*m_plot, at(0.05));  // the button is still down; the drag is over
    release(0.05);
    QCOMPARE(committed.size(), 0);
    QCOMPARE(cancelled.size(), 1);
    QCOMPARE(*m_plot->range(), (Range{-0.3, 0.25}));
}

void TestHistogramPlot::outsideCallsDoNotDisturbADrag() {
    press(0.25);
    moveMouse(*m_plot, at(0.1));
    const Range dragged = *m_plot->range();
    m_plot->setRange({-1, 1});
    QCOMPARE(*m_plot->range(), dragged);
    release(0.1);
    m_plot->setRange({-1, 1});
    QCOMPARE(*m_plot->range(), (Range{-1, 1}));
}

void TestHistogramPlot::hidingEndsADrag() {
    const QSignalSpy committed(m_plot.get(), &HistogramPlot::rangeCommitted);
    press(0.25);
    moveMouse(*m_plot, at(0.1));
    m_plot->hide();
    QCOMPARE(committed.size(), 1);
    m_plot->setRange({-1, 1});  // no longer the pointer's
    QCOMPARE(*m_plot->range(), (Range{-1, 1}));
}

void TestHistogramPlot::handleOutOfSightCannotBeGrabbed() {
    const QSignalSpy dragged(m_plot.get(), &HistogramPlot::rangeDragged);
    m_plot->setVisibleRange({-0.295, 0.1});  // the lower handle is a few pixels left of the axis
    QVERIFY(std::abs(m_plot->xOf(-0.3) - m_plot->xOf(-0.295)) < 8);
    press(-0.295);
    moveMouse(*m_plot, at(-0.1));
    release(-0.1);
    QCOMPARE(dragged.size(), 0);
}

void TestHistogramPlot::arrowKeysMoveByBins() {
    const QSignalSpy dragged(m_plot.get(), &HistogramPlot::rangeDragged);
    const QSignalSpy committed(m_plot.get(), &HistogramPlot::rangeCommitted);
    const double bin = samples::weights().binWidth();
    press(0.25);
    release(0.25);
    QTest::keyClick(m_plot.get(), Qt::Key_Right);
    QCOMPARE(m_plot->range()->upper, 0.25 + bin);
    QTest::keyClick(m_plot.get(), Qt::Key_Left, Qt::ShiftModifier);
    QCOMPARE(m_plot->range()->upper, 0.25 + bin - 10 * bin);
    QCOMPARE(m_plot->range()->lower, -0.3);
    QCOMPARE(dragged.size(), 2);
    QCOMPARE(committed.size(), 2);
    QCOMPARE(gestureOf(committed, 0), gestureOf(committed, 1));  // one undo step
    press(-0.3);
    release(-0.3);
    QTest::keyClick(m_plot.get(), Qt::Key_Right, Qt::ControlModifier);
    QCOMPARE(*m_plot->range(), (Range{-0.3 + bin, 0.3 - bin}));
    QVERIFY(gestureOf(committed, 2) != gestureOf(committed, 1));
}

void TestHistogramPlot::tabWalksTheHandles() {
    QWidget window;
    HistogramPlot first(&window);
    HistogramPlot second(&window);
    for (HistogramPlot* plot : {&first, &second}) {
        plot->setHistogram(samples::weights());
        plot->setRange({-0.3, 0.25});
    }
    window.show();
    QVERIFY(QTest::qWaitForWindowActive(&window));
    using Handle = HistogramPlot::Handle;
    first.setFocus(Qt::TabFocusReason);
    QCOMPARE(first.focusedHandle(), std::optional(Handle::Lower));
    QTest::keyClick(&first, Qt::Key_Tab);
    QVERIFY(first.hasFocus());
    QCOMPARE(first.focusedHandle(), std::optional(Handle::Upper));
    QTest::keyClick(&first, Qt::Key_Tab);
    QVERIFY(second.hasFocus());
    QCOMPARE(second.focusedHandle(), std::optional(Handle::Lower));
    QTest::keyClick(&second, Qt::Key_Backtab, Qt::ShiftModifier);
    QVERIFY(first.hasFocus());
    QCOMPARE(first.focusedHandle(), std::optional(Handle::Upper));
}

void TestHistogramPlot::fixedHandleStays() {
    const QSignalSpy dragged(m_plot.get(), &HistogramPlot::rangeDragged);
    m_plot->setMovable(false, true);
    press(-0.3);
    moveMouse(*m_plot, at(-0.1));
    release(-0.1);
    QCOMPARE(dragged.size(), 0);
    QCOMPARE(m_plot->range()->lower, -0.3);
}

void TestHistogramPlot::snapping() {
    m_plot->setSnap([](double x) { return std::copysign(std::exp2(std::round(std::log2(std::abs(x)))), x); });
    press(0.25);
    moveMouse(*m_plot, at(0.14));
    QCOMPARE(m_plot->range()->upper, 0.125);
    release(0.14);
    QTest::keyClick(m_plot.get(), Qt::Key_Right);  // one bin snaps back: the key goes on to the next power
    QCOMPARE(m_plot->range()->upper, 0.25);
    QTest::keyClick(m_plot.get(), Qt::Key_Left);
    QCOMPARE(m_plot->range()->upper, 0.125);
}

void TestHistogramPlot::wheelZoomsAtTheCursor() {
    const QSignalSpy viewChanged(m_plot.get(), &PlotWidget::viewChanged);
    const Range home = m_plot->visibleRange();
    const auto wheel = [&](int delta) {
        QWheelEvent event(at(0.1), m_plot->mapToGlobal(at(0.1)), {}, QPoint(0, delta), Qt::NoButton,
                          Qt::NoModifier, Qt::NoScrollPhase, false);
        QApplication::sendEvent(m_plot.get(), &event);
        return event.isAccepted();
    };
    const double before = m_plot->xOf(0.1);
    QVERIFY(wheel(240));
    QVERIFY(m_plot->visibleRange().width() < 0.7 * home.width());
    QVERIFY(std::abs(m_plot->xOf(0.1) - before) < 1e-6);  // the value under the cursor stays there
    QVERIFY(m_plot->isZoomed());
    QCOMPARE(viewChanged.size(), 1);
    for (int i = 0; i < 200; ++i) {
        wheel(120);
    }
    QVERIFY(m_plot->visibleRange().width() >= 8 * samples::weights().binWidth() * (1 - 1e-9));
    for (int i = 0; i < 200; ++i) {
        wheel(-120);
    }
    QCOMPARE(m_plot->visibleRange(), home);
    QVERIFY(!wheel(-120));  // fully out: the wheel is for the panel around
    wheel(360);
    QTest::mouseDClick(m_plot.get(), Qt::LeftButton, Qt::NoModifier, QPoint(200, 80));
    QCOMPARE(m_plot->visibleRange(), home);
}

void TestHistogramPlot::panningMovesTheView() {
    const Range home = m_plot->visibleRange();
    m_plot->setVisibleRange({-0.2, 0.2});
    const QSignalSpy dragged(m_plot.get(), &HistogramPlot::rangeDragged);
    QTest::mousePress(m_plot.get(), Qt::LeftButton, Qt::NoModifier, QPoint(200, 100));
    moveMouse(*m_plot, QPointF(240, 100));
    QTest::mouseRelease(m_plot.get(), Qt::LeftButton, Qt::NoModifier, QPoint(240, 100));
    QVERIFY(std::abs(m_plot->visibleRange().lower - (-0.2 - 40 * pixelWidth(*m_plot))) < 1e-9);
    QVERIFY(std::abs(m_plot->visibleRange().width() - 0.4) < 1e-12);
    QVERIFY(m_plot->visibleRange().lower >= home.lower);
    QCOMPARE(dragged.size(), 0);
}

void TestHistogramPlot::logAxisNeverReachesZero() {
    // Axis bounds show in where counts are drawn: a bar of one value is above the axis, at any zoom.
    Histogram single;
    single.add(std::vector<float>{1.0F});
    m_plot->setHistogram(single);
    m_plot->setRange({0.0, 1.0});
    const QImage image = m_plot->grab().toImage();
    int blue = 0;
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            blue += image.pixelColor(x, y) == m_plot->theme().series ? 1 : 0;
        }
    }
    QVERIFY(blue > 0);
    m_plot->setVisibleRange({0.2, 0.4});  // nothing but empty bins in sight
    QVERIFY(!m_plot->grab().isNull());
    m_plot->setLogarithmic(false);
    QVERIFY(!m_plot->grab().isNull());
}

void TestHistogramPlot::labelsNeverOverlapNorLeave() {
    for (const int width : {160, 240, 370, 900}) {
        m_plot->resize(width, 215);
        for (const Range range :
             {Range{-0.3, 0.25}, Range{-0.001, 0.001}, Range{0.2, 0.21}, Range{-0.5, -0.49}}) {
            m_plot->setRange(range);
            m_plot->setMarks({{QStringLiteral("min-max"), 0.5},
                              {QStringLiteral("99.99 %"), 0.41},
                              {QStringLiteral("KL"), 0.4},
                              {QStringLiteral("ACIQ Laplace"), 0.39},
                              {QStringLiteral("MSE"), -0.5}});
            QCoreApplication::processEvents();
            const std::vector<QRectF> rects = m_plot->labelRects();
            QVERIFY(rects.size() >= 2);
            for (std::size_t i = 0; i < rects.size(); ++i) {
                QVERIFY2(QRectF(m_plot->rect()).contains(rects[i]), qPrintable(QString::number(width)));
                for (std::size_t j = 0; j < i; ++j) {
                    QVERIFY2(!rects[i].intersects(rects[j]), qPrintable(QString::number(width)));
                }
            }
        }
    }
}

void TestHistogramPlot::tableIsTheHistogram() {
    const Histogram histogram = samples::activations(5000);
    m_plot->setHistogram(histogram);
    const PlotTable table = m_plot->table(TableExtent::All);
    QCOMPARE(table.rows.size(), histogram.counts().size() + 1);  // and the row of exact zeros
    quint64 total = 0;
    for (const auto& row : table.rows) {
        total += row[2].toULongLong();
    }
    QCOMPARE(total, static_cast<quint64>(histogram.total()));
    QCOMPARE(table.rows[0][2].toULongLong(), static_cast<quint64>(histogram.zeros()));
    QCOMPARE(table.rows[6][0].toDouble(), histogram.lowerEdge(5));
    QCOMPARE(table.rows[6][2].toULongLong(), static_cast<quint64>(histogram.counts()[5]));
    const double bin = histogram.binWidth();
    m_plot->setVisibleRange({10 * bin, 20 * bin});
    QCOMPARE(m_plot->table(TableExtent::Visible).rows.size(), std::size_t{10});
}

void TestHistogramPlot::themeSwitchRecolours() {
    const auto count = [this](const QColor& color) {
        const QImage image = m_plot->grab().toImage();
        int pixels = 0;
        for (int y = 0; y < image.height(); ++y) {
            for (int x = 0; x < image.width(); ++x) {
                pixels += image.pixelColor(x, y) == color ? 1 : 0;
            }
        }
        return pixels;
    };
    m_plot->setPalette(PlotTheme::light().palette());
    QCoreApplication::processEvents();
    QVERIFY(count(PlotTheme::light().surface) > 1000);
    QVERIFY(count(PlotTheme::light().series) > 1000);
    m_plot->setPalette(PlotTheme::dark().palette());
    QCoreApplication::processEvents();
    QCOMPARE(m_plot->theme().scheme, PlotTheme::Scheme::Dark);
    QVERIFY(count(PlotTheme::dark().surface) > 1000);
    QVERIFY(count(PlotTheme::dark().series) > 1000);
    QCOMPARE(count(PlotTheme::light().series), 0);
}

void TestHistogramPlot::emptyStates() {
    m_plot->setHistogram({});
    QVERIFY(!m_plot->hasData());
    QCOMPARE(m_plot->accessibleDescription(), m_plot->emptyText());
    press(0.25);  // no handle to grab, nothing to crash
    release(0.2);
    Histogram zeros;
    zeros.add(std::vector<float>(10, 0.0F));
    m_plot->setHistogram(zeros);
    QVERIFY(m_plot->hasData());
    QVERIFY(!m_plot->grab().isNull());
    m_plot->setRange({NAN, 1});
    QVERIFY(!m_plot->range());
}

void TestHistogramPlot::describesItself() {
    QCOMPARE(m_plot->accessibleName(), QStringLiteral("Histogram"));
    QVERIFY(m_plot->accessibleDescription().contains(QStringLiteral("20,000 values")));
    QVERIFY(m_plot->accessibleDescription().contains(QStringLiteral("-0.3000")));
    QVERIFY(m_plot->toolTipAt(QPointF(m_plot->xOf(0.0), 120)).contains(QStringLiteral("values")));
    QVERIFY(m_plot->toolTipAt(QPointF(m_plot->xOf(0.25), 8)).contains(QStringLiteral("0.2500")));
}

void TestHistogramPlot::dragFrame() {
    // Not a pass/fail timing: prints what one frame of a drag costs, from the event to the picture.
    m_plot->setHistogram(samples::activations());
    m_plot->setRange({0, 3.7});
    m_plot->setMarks(
        {{QStringLiteral("MSE"), 3.3, true}, {QStringLiteral("KL"), 2.4}, {QStringLiteral("min-max"), 6.0}});
    QCoreApplication::processEvents();
    QTest::mousePress(m_plot.get(), Qt::LeftButton, Qt::NoModifier, at(3.7).toPoint());
    const PaintCounter counter(*m_plot);
    constexpr int kFrames = 200;
    std::vector<double> frames;
    for (int i = 0; i < kFrames; ++i) {
        QElapsedTimer timer;
        timer.start();
        moveMouse(*m_plot, at(3.5 - 0.01 * i));
        QCoreApplication::sendPostedEvents();  // the queued drawing of the layers
        QCoreApplication::processEvents();     // the repaint it asked for
        frames.push_back(static_cast<double>(timer.nsecsElapsed()) * 1e-6);
    }
    QTest::mouseRelease(m_plot.get(), Qt::LeftButton);
    std::sort(frames.begin(), frames.end());
    qInfo("clip-drag frame: median %.2f ms, 99 %% within %.2f ms", frames[kFrames / 2],
          frames[kFrames * 99 / 100]);
    QVERIFY(counter.paints() >= kFrames);  // each frame reached the screen
}

QTEST_MAIN(TestHistogramPlot)
#include "test_histogram_plot.moc"
