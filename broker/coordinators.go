package broker

import (
	"context"

	"github.com/freshetdb/freshet/broker/handler"
)

// coordinators are the parts that live on internal topics.
type coordinators struct{}

func (b *Broker) openCoordinators(context.Context) error {
	b.parts = &coordinators{}
	return nil
}

// handlers is what the request handlers need of them.
func (c *coordinators) handlers() handler.Coordinators { return handler.Coordinators{} }

func (c *coordinators) close() error { return nil }
