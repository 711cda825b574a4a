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
	refuse := func(code coordinator.Code) { reply(InitResponse{Code: code, Producer: nobody()}) }
	if req.ID == "" {
		refuse(coordinator.InvalidRequest)
		return
	}
	if req.Timeout <= 0 || req.Timeout > s.options().TimeoutMax {
		refuse(coordinator.InvalidTxnTimeout)
		return
	}
	t := s.txns[req.ID]
	if t == nil {
		if req.FreshID < 0 {
			reply(InitResponse{NeedID: true})
			return
		}
		t = newTxn(req.ID, req.FreshID)
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
	case !t.mayInit(req.Current):
		refuse(coordinator.ProducerFenced)
	case t.state == Ongoing:
		if again() {
			s.abort(now, t, nil)
			return
		}
		s.abort(now, t, func(r EndResponse) {
			if r.Code == coordinator.OK {
				r.Code = coordinator.ConcurrentTransactions // the markers are still to come
			}
			refuse(r.Code)
		})
	default:
		s.bump(now, t, req, reply)
	}
}

func newTxn(id string, producerID int64) *txn {
	return &txn{id: id, durable: durable{
		producer: coordinator.Producer{ID: producerID, Epoch: noEpoch}, previousID: noProducer, nextID: noProducer, lastEpoch: noEpoch,
	}}
}

// mayInit tells whether a producer that names itself is the current one, or asks again for the epoch it was given. Unlike
// Kafka's coordinator this one asks that before it aborts a transaction, so that a fenced producer can't.
func (t *txn) mayInit(p coordinator.Producer) bool {
	switch {
	case p.ID < 0, t.producer.Epoch == noEpoch, p == t.producer:
		return true
	case t.state == Ongoing:
		return false
	case p.ID == t.producer.ID:
		return p.Epoch == t.lastEpoch
	}
	return p.ID == t.previousID && p.Epoch >= epochMax && p.Epoch == t.lastEpoch
}

// bump hands out the next epoch, or a new producer id when epochs have run out.
func (s *Shard) bump(now time.Time, t *txn, req InitRequest, reply func(InitResponse)) {
	next := durable{
		producer: t.producer, nextID: noProducer, timeout: req.Timeout, state: Empty, version: t.version, lastEpoch: noEpoch,
	}
	named := req.Current.ID >= 0
	switch {
	case named && req.Current != t.producer && t.producer.Epoch != noEpoch && t.producer.Epoch <= epochMax:
		next.lastEpoch = t.lastEpoch // a retry: the same answer again
	case t.producer.Epoch >= epochMax:
		if req.FreshID < 0 {
			reply(InitResponse{NeedID: true})
			return
		}
		next.producer = coordinator.Producer{ID: req.FreshID}
		if named {
			next.lastEpoch = t.producer.Epoch
		}
	default:
		if named {
			next.lastEpoch = t.producer.Epoch
		}
		next.producer.Epoch++
	}
	s.write(now, t, next, func(_ time.Time, err error) {
		if err != nil {
			reply(InitResponse{Code: codeOf(err), Producer: nobody()})
			return
		}
		reply(InitResponse{Producer: next.producer})
	})
}

// abort ends an ongoing transaction without its producer, which is fenced by the next epoch. decided may be nil.
func (s *Shard) abort(now time.Time, t *txn, decided func(EndResponse)) {
	next := t.durable
	next.state, next.version = PrepareAbort, V1
	next.lastEpoch = t.producer.Epoch
	if next.producer.Epoch <= epochMax {
		next.producer.Epoch++
		next.version = V2 // the markers carry a newer epoch than the transaction
	}
	s.prepare(now, t, next, nobody(), EndCallbacks{Decided: decided}.orNothing())
}
