package session

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// PortalsMax is the most portals a session may hold open.
const PortalsMax = 1_000

// Portal is a result on its way to the client, perhaps in pieces: a bound statement of the extended protocol, or a cursor.
//
// A result fetched whole is run directly. One fetched in pieces runs as a coroutine that rests inside its producer between
// fetches, so that nothing is copied and the producer may keep its snapshot.
type Portal struct {
	Name    string
	Result  *Result
	Text    string  // of its statement, which positions of errors refer to
	Formats []int16 // the client's wish for each column: empty text, one for all, or one each
	Cursor  bool    // made by DECLARE
	Hold    bool    // survives its transaction

	ctx     context.Context         //nolint:containedctx // of the coroutine; derived when it starts
	cancel  context.CancelCauseFunc // nil until then
	next    func() (*vector.Chunk, error, bool)
	stop    func()
	rest    *vector.Chunk // what is left of the last chunk
	restAt  int           // its first row not sent
	view    vector.Chunk  // rest, cut
	sel     []uint16      // of view
	started bool
	done    bool
	err     error
}

// NewPortal opens a portal. ctx is the session's; a statement's context ends the portal through Fetch.
func NewPortal(ctx context.Context, name string, r *Result) *Portal {
	return &Portal{Name: name, Result: r, ctx: ctx}
}

// Done tells whether every row was fetched.
func (p *Portal) Done() bool { return p.done }

// fetch hands up to limit rows (0: all) to yield and tells how many, and whether that was the end. When ctx ends, so does the
// portal, for good; but when its cause is ErrFetchTimeout the rows of a live result fetched so far are the answer.
func (p *Portal) fetch(ctx context.Context, limit int, yield Yield) (rows int, done bool, err error) {
	if p.err != nil {
		return 0, true, p.err
	}
	if p.done {
		return 0, true, nil
	}
	defer func() {
		if err != nil {
			p.err = err
		}
	}()
	if limit == 0 && !p.started && !p.Result.Live() {
		p.started = true
		err = p.Result.Run(ctx, func(c *vector.Chunk) error {
			rows += c.Rows()
			return yield(c)
		})
		p.done = true
		return rows, true, err
	}
	if p.next == nil && !p.Result.Live() {
		p.ctx, p.cancel = context.WithCancelCause(p.ctx)
		p.next, p.stop = iter.Pull2(p.produce)
		p.started = true
	}
	if p.cancel != nil {
		defer context.AfterFunc(ctx, func() { p.cancel(context.Cause(ctx)) })()
	}
	for limit == 0 || rows < limit {
		c, err := p.chunk(ctx)
		switch {
		case errors.Is(err, io.EOF):
			p.done = true
			return rows, true, nil
		case err != nil && errors.Is(context.Cause(ctx), ErrFetchTimeout):
			return rows, false, nil
		case err != nil:
			return rows, false, err
		}
		c = p.cut(c, limit, rows)
		rows += c.Rows()
		if err := yield(c); err != nil {
			return rows, false, err
		}
	}
	return rows, false, nil
}

// ErrFetchTimeout is the cause of a context that limits how long FETCH waits for rows.
var ErrFetchTimeout = errors.New("fetch timeout")

// chunk is what is left of the last chunk, or the next one.
func (p *Portal) chunk(ctx context.Context) (*vector.Chunk, error) {
	if p.rest != nil {
		return p.rest, nil
	}
	if p.Result.Live() {
		return p.Result.Next(ctx)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c, err, ok := p.next()
	if !ok {
		return nil, io.EOF
	}
	return c, err
}

var errStopped = errors.New("portal closed")

// produce is the coroutine: the result as a sequence.
func (p *Portal) produce(yield func(*vector.Chunk, error) bool) {
	err := p.Result.Run(p.ctx, func(c *vector.Chunk) error {
		if !yield(c, nil) {
			return errStopped
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStopped) {
		yield(nil, err)
	}
}

// cut gives the part of c that still fits, and keeps the rest.
func (p *Portal) cut(c *vector.Chunk, limit, rows int) *vector.Chunk {
	total := c.Rows()
	end := total
	if limit > 0 && end-p.restAt > limit-rows {
		end = p.restAt + limit - rows
	}
	if p.restAt == 0 && end == total {
		p.rest = nil
		return c
	}
	p.view = *c
	if c.Sel != nil {
		p.view.Sel = c.Sel[p.restAt:end]
	} else {
		p.sel = p.sel[:0]
		for i := p.restAt; i < end; i++ {
			p.sel = append(p.sel, uint16(i))
		}
		p.view.Sel = p.sel
	}
	p.rest, p.restAt = c, end
	if end == total {
		p.rest, p.restAt = nil, 0
	}
	return &p.view
}

// Close ends the portal and its result. It is idempotent.
func (p *Portal) Close() {
	if p.stop != nil {
		p.cancel(errStopped)
		p.stop()
	}
	p.Result.Close()
	p.rest = nil
	p.done = true
}

// Portals are a session's open portals by name; "" is the unnamed one.
type Portals struct{ named map[string]*Portal }

// Get finds a portal. Errors: 34000.
func (s *Portals) Get(name string) (*Portal, error) {
	if p := s.named[name]; p != nil {
		return p, nil
	}
	return nil, sqlerr.Newf(sqlerr.InvalidCursorName, 0, "portal %q does not exist", name)
}

// Cursor finds a portal that SQL calls a cursor. Errors: 34000.
func (s *Portals) Cursor(name string) (*Portal, error) {
	if p := s.named[name]; p != nil {
		return p, nil
	}
	return nil, sqlerr.Newf(sqlerr.InvalidCursorName, 0, "cursor %q does not exist", name)
}

// put adds a portal under its name; the unnamed one is closed and replaced.
func (s *Portals) put(p *Portal) error {
	if old := s.named[p.Name]; old != nil {
		if p.Name != "" {
			p.Close()
			return sqlerr.Newf(sqlerr.DuplicateCursor, 0, "cursor %q already exists", p.Name)
		}
		old.Close()
	}
	if len(s.named) >= PortalsMax {
		p.Close()
		return sqlerr.Newf(sqlerr.ConfigurationLimitExceeded, 0, "a session holds at most %d open cursors", PortalsMax)
	}
	if s.named == nil {
		s.named = map[string]*Portal{}
	}
	s.named[p.Name] = p
	return nil
}

// Remove closes a portal and tells whether there was one.
func (s *Portals) Remove(name string) bool {
	p := s.named[name]
	if p == nil {
		return false
	}
	delete(s.named, name)
	p.Close()
	return true
}

// EndTransaction closes every portal that does not outlive its transaction.
func (s *Portals) EndTransaction() {
	for name, p := range s.named {
		if !p.Hold {
			delete(s.named, name)
			p.Close()
		}
	}
}

// CloseCursors closes the portals that DECLARE made.
func (s *Portals) CloseCursors() {
	for name, p := range s.named {
		if p.Cursor {
			delete(s.named, name)
			p.Close()
		}
	}
}

// CloseAll closes every portal.
func (s *Portals) CloseAll() {
	for name, p := range s.named {
		delete(s.named, name)
		p.Close()
	}
}
