package txn

import (
	"context"
	"fmt"
)

// Blocks hands out blocks of producer ids that nobody else gets; the controller does.
type Blocks interface {
	AllocateProducerIDs(ctx context.Context) (first int64, count int32, err error)
}

// ProducerIDs hands out producer ids one by one. It is safe for concurrent use.
type ProducerIDs struct {
	blocks Blocks
	mu     chan struct{} // a lock that a caller can give up waiting for; guards: next, end
	next   int64
	end    int64
}

// NewProducerIDs makes a source of ids that takes blocks as it needs them.
func NewProducerIDs(blocks Blocks) *ProducerIDs {
	return &ProducerIDs{blocks: blocks, mu: make(chan struct{}, 1)}
}

// Next gives an id that nobody has.
func (p *ProducerIDs) Next(ctx context.Context) (int64, error) {
	select {
	case p.mu <- struct{}{}:
	case <-ctx.Done():
		return -1, ctx.Err()
	}
	defer func() { <-p.mu }()
	if p.next >= p.end {
		first, count, err := p.blocks.AllocateProducerIDs(ctx)
		if err != nil {
			return -1, fmt.Errorf("allocate producer ids: %w", err)
		}
		p.next, p.end = first, first+int64(count)
	}
	id := p.next
	p.next++
	return id, nil
}
