package txn

import (
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// InitRequest asks for a producer id and epoch that fence every earlier producer of a transactional id.
type InitRequest struct {
	ID      string
	Timeout time.Duration
	// Current is what the producer has and wants bumped, or {-1, -1} (KIP-360).
	Current coordinator.Producer
	// FreshID is a producer id nobody has, or -1: then InitResponse.NeedID tells that one is needed.
	FreshID int64
	// Wait makes the request wait for a transaction that is ending, instead of answering ConcurrentTransactions.
	Wait bool
}

// InitResponse answers an InitRequest.
type InitResponse struct {
	Code     coordinator.Code
	Producer coordinator.Producer
	NeedID   bool // ask again with a FreshID
}

// InitProducerID fences earlier producers of the id and ends what they left open. Source: KIP-98, KIP-360.
func (s *Shard) InitProducerID(now time.Time, req InitRequest, reply func(InitResponse)) {
	refuse := func(code coordinator.Code) {
		reply(InitResponse{Code: code, Producer: coordinator.Producer{ID: -1, Epoch: noEpoch}})
	}
	if req.ID == "" {
		refuse(coordinator.InvalidRequest)
		return
	}
	if req.Timeout <= 0 || req.Timeout > s.opts.TimeoutMax {
		refuse(coordinator.InvalidTxnTimeout)
		return
	}
	t := s.txns[req.ID]
	if t == nil {
		if req.FreshID < 0 {
			reply(InitResponse{NeedID: true})
			return
		}
		t = &txn{id: req.ID, lastEpoch: noEpoch, durable: durable{producer: coordinator.Producer{ID: req.FreshID, Epoch: noEpoch}}}
		s.txns[req.ID] = t
	}
	again := func() bool {
		if req.Wait {
			t.waiters = append(t.waiters, waiter{
				run:  func(now time.Time) { s.InitProducerID(now, req, reply) },
				drop: func(err error) { refuse(codeOf(err)) },
			})
		}
		return req.Wait
	}
	switch {
	case t.busy || t.prepared():
		if !again() {
			refuse(coordinator.ConcurrentTransactions)
		}
	case req.Current.ID >= 0 && req.Current.ID != t.producer.ID:
		refuse(coordinator.ProducerFenced)
	case req.Current.ID >= 0 && req.Current.Epoch != t.producer.Epoch && req.Current.Epoch != t.lastEpoch:
		refuse(coordinator.ProducerFenced)
	case t.state == Ongoing:
		waits := again()
		s.abort(now, t)
		if !waits {
			refuse(coordinator.ConcurrentTransactions)
		}
	default:
		s.bump(now, t, req, reply)
	}
}

// bump hands out the next epoch, or a new producer id when epochs have run out.
func (s *Shard) bump(now time.Time, t *txn, req InitRequest, reply func(InitResponse)) {
	next := durable{producer: t.producer, timeout: req.Timeout, state: Empty}
	lastEpoch := int16(noEpoch)
	switch {
	case req.Current.ID >= 0 && req.Current.Epoch == t.lastEpoch && t.lastEpoch != noEpoch && req.Current.Epoch != t.producer.Epoch:
		lastEpoch = t.lastEpoch // a retry: the same answer again
	case t.producer.Epoch >= epochMax:
		if req.FreshID < 0 {
			reply(InitResponse{NeedID: true})
			return
		}
		next.producer = coordinator.Producer{ID: req.FreshID}
	default:
		if req.Current.ID >= 0 {
			lastEpoch = t.producer.Epoch
		}
		next.producer.Epoch++
	}
	s.write(now, t, next, func(_ time.Time, err error) {
		if err != nil {
			reply(InitResponse{Code: codeOf(err), Producer: coordinator.Producer{ID: -1, Epoch: noEpoch}})
			return
		}
		t.lastEpoch = lastEpoch
		reply(InitResponse{Producer: t.producer})
	})
}

// abort ends an ongoing transaction without its producer, which is fenced by the next epoch.
func (s *Shard) abort(now time.Time, t *txn) {
	next := t.durable
	next.state = PrepareAbort
	if next.producer.Epoch <= epochMax {
		next.producer.Epoch++
	}
	t.lastEpoch = noEpoch
	s.prepare(now, t, next, EndCallbacks{}.orNothing())
}
