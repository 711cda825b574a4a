package wire

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// decodedFree is the memory a decoded request may take before it counts: nearly all take less.
const decodedFree = 256 << 10

// decode fills req.Body once the body's lengths were found to be true, and takes the memory for it from the listener's.
func (c *Conn) decode(ctx context.Context, req *Request, body []byte) error {
	most := decodedMax
	if req.Key == produceKey {
		most = produceDecodedMax
	}
	memory, err := c.l.versions.layout(req.Key, req.Version).scan(body, most)
	if err == nil && memory > decodedFree {
		if err := req.buffer.widen(ctx, c.l.budget, int64(memory), c.l.opts.FrameTimeout); err != nil {
			return err
		}
	}
	if err == nil {
		err = req.Body.ReadFrom(body)
	}
	if err != nil {
		return refusef("%s v%d of client %q does not decode: %w", kmsg.NameForKey(req.Key), req.Version, req.ClientID, err)
	}
	return nil
}
