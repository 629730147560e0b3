#include "plots/detail/painting.h"

#include <qcustomplot.h>

#include <utility>

namespace bitlathe::plots::detail {

namespace {

class Painting final : public QCPLayerable {
public:
    Painting(QCustomPlot& plot, const QString& layer, std::function<void(QPainter&)> paint)
        : QCPLayerable(&plot, layer), m_paint(std::move(paint)) {}

protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(false); }
    void draw(QCPPainter* painter) override {
        painter->save();
        m_paint(*painter);
        painter->restore();
    }

private:
    std::function<void(QPainter&)> m_paint;
};

}  // namespace

void addPainting(QCustomPlot& plot, const QString& layer, std::function<void(QPainter&)> paint) {
    auto* painting = new Painting(plot, layer, std::move(paint));
    painting->setParent(&plot);  // a layer does not own its children
}

}  // namespace bitlathe::plots::detail
