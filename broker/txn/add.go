package txn

import (
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

const (
	// additionPatience is how long AddPartitions waits for a change under way before its client is told to ask again.
	additionPatience = time.Second
	// additionsMax bounds those that wait for one transactional id.
	additionsMax = 1000
)

// AddRequest lets partitions take part in a transaction.
type AddRequest struct {
	ID         string
	Producer   coordinator.Producer
	Partitions []TopicPartition
	Version    Version // V2 when a partition's leader asks on behalf of a Produce
}

// addition is an AddRequest that waits.
type addition struct {
	AddRequest
	until time.Time
	reply func(coordinator.Code)
}

// AddPartitions lets partitions take part in the producer's transaction, opening one if there is none. The list is
// committed before reply, so that a new coordinator knows where markers have to go. A change under way is waited for, for
// a while: clients that have just ended a transaction would ask again anyway.
func (s *Shard) AddPartitions(now time.Time, req AddRequest, reply func(coordinator.Code)) {
	t, code := s.find(req.ID, req.Producer)
	switch {
	case code == coordinator.ConcurrentTransactions && len(t.additions) < additionsMax:
		t.additions = append(t.additions, addition{req, now.Add(additionPatience), reply})
		s.planAdditions(t)
	case code != coordinator.OK:
		reply(code)
	default:
		s.add(now, t, []addition{{AddRequest: req, reply: reply}})
	}
}

// add writes several additions as one.
func (s *Shard) add(now time.Time, t *txn, list []addition) {
	next := t.durable
	var joining []addition
	for _, a := range list {
		switch _, code := s.find(a.ID, a.Producer); {
		case code != coordinator.OK:
			a.reply(code)
		case t.state == Ongoing && t.partitions.hasAll(a.Partitions):
			a.reply(coordinator.OK)
		default:
			next.join(now, a.Partitions)
			next.version = a.Version
			joining = append(joining, a)
		}
	}
	if len(joining) == 0 {
		return
	}
	s.write(now, t, next, func(_ time.Time, err error) {
		for _, a := range joining {
			a.reply(codeOf(err))
		}
	})
}

// join adds partitions to the ongoing transaction, or to a new one.
func (d *durable) join(now time.Time, partitions []TopicPartition) {
	joined := partitionSet{}
	if d.state == Ongoing {
		for tp := range d.partitions {
			joined[tp] = struct{}{}
		}
	} else {
		d.start = now
	}
	for _, tp := range partitions {
		joined[tp] = struct{}{}
	}
	d.state, d.partitions = Ongoing, joined
}

// VerifyPartitions tells of each partition whether it takes part in the producer's ongoing transaction (KIP-890 for V1,
// whose clients add partitions themselves).
func (s *Shard) VerifyPartitions(req AddRequest) []coordinator.Code {
	codes := make([]coordinator.Code, len(req.Partitions))
	t, code := s.find(req.ID, req.Producer)
	if code == coordinator.ConcurrentTransactions && !t.prepared() {
		code = coordinator.OK // what is being written does not count yet, what was before still does
	}
	for i, tp := range req.Partitions {
		codes[i] = code
		if code != coordinator.OK {
			continue
		}
		if _, joined := t.partitions[tp]; !joined || t.state != Ongoing {
			codes[i] = coordinator.TransactionAbortable
		}
	}
	return codes
}

// Begin is AddPartitions for a producer of this process: nothing is written. That is enough because End brings the exact list, and because the process that would have to remember the
// partitions dies together with the producer: what it leaves open is aborted at the next start.
func (s *Shard) Begin(now time.Time, id string, p coordinator.Producer, partitions []TopicPartition, reply func(coordinator.Code)) {
	t, code := s.find(id, p)
	if code == coordinator.ConcurrentTransactions {
		t.waiters = append(t.waiters, waiter{
			run:  func(now time.Time) { s.Begin(now, id, p, partitions, reply) },
			drop: func(err error) { reply(codeOf(err)) },
		})
		return
	}
	if code == coordinator.OK {
		t.join(now, partitions)
		t.volatile, t.version = true, V1
		s.plan(t)
	}
	reply(code)
}
