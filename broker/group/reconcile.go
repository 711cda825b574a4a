package group

import "maps"

// reconcile takes a member a step towards its target and gives what became of it, or the member itself when there is
// nothing to do. holds are the partitions the member says it still uses; known is false when it did not say.
//
// What the target takes away is asked back first, and only when the member has let go of it does the member enter the
// target's epoch and get what is new; and of that only what nobody else holds. Source: KIP-848, Kafka's CurrentAssignmentBuilder.
func (c *consumers) reconcile(m *consumer, holds []Partition, known bool) *consumer {
	switch {
	case m.state == memberStable && m.epoch == c.targetEpoch:
		return m
	case m.state == memberUnrevoked && (!known || m.revoking.holdsAny(holds)):
		return m
	}
	next := *m
	next.assigned, next.revoking = owned{}, nil
	wanted := owned{}
	unreleased := false
	for _, p := range c.target[m.id] {
		if epoch, ok := m.assigned[p]; ok {
			next.assigned[p] = epoch
			continue
		}
		if owner := c.owners[p]; owner != "" && owner != m.id {
			unreleased = true
			continue
		}
		wanted[p] = c.targetEpoch
	}
	if revoke := m.assigned.without(next.assigned); len(revoke) > 0 && (!known || revoke.holdsAny(holds)) {
		next.revoking, next.state = revoke, memberUnrevoked
		next.previousEpoch = m.epoch // a retry of something said before it was asked must not count as letting go
		return &next
	}
	maps.Copy(next.assigned, wanted)
	next.epoch, next.state = c.targetEpoch, memberStable
	if unreleased {
		next.state = memberUnreleased
	}
	if next.epoch == m.epoch && next.state == m.state && next.assigned.same(m.assigned) && len(m.revoking) == 0 {
		return m
	}
	next.previousEpoch = m.epoch
	return &next
}

func (o owned) without(other owned) owned {
	rest := owned{}
	for p, epoch := range o {
		if _, ok := other[p]; !ok {
			rest[p] = epoch
		}
	}
	return rest
}

// waits tells whether something of a member's target is still held by another.
func (c *consumers) waits(m *consumer) bool {
	for _, p := range c.target[m.id] {
		if owner := c.owners[p]; owner != "" && owner != m.id {
			return true
		}
	}
	return false
}
