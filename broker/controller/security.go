package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshetdb/freshet/broker/metadata"
)

const (
	// aclsMax bounds the rules of a cluster, scramsMax the credentials.
	aclsMax   = 100_000
	scramsMax = 100_000
)

// CreateACLs decides on new rules that were checked already; those that exist are not made again. Errors: too many rules.
func (c *Controller) CreateACLs(img *metadata.Image, wanted []metadata.ACL) ([]metadata.Record, *Error) {
	known := make(map[metadata.ACL]bool, img.ACLCount()+len(wanted))
	for _, acl := range img.ACLs() {
		known[acl] = true
	}
	var records []metadata.Record
	for _, acl := range wanted {
		if known[acl] {
			continue
		}
		known[acl] = true
		records = append(records, metadata.ACLRecord{ID: c.newID(), ACL: acl})
	}
	if img.ACLCount()+len(records) > aclsMax {
		return nil, refuse(kerr.PolicyViolation, "there are %d ACLs, and no more than %d may be", img.ACLCount(), aclsMax)
	}
	return records, nil
}

// DeleteACLs decides on the removal of rules; deleted holds, for each filter, what it selects. A rule that several filters select is named by each.
func (c *Controller) DeleteACLs(img *metadata.Image, filters []func(*metadata.ACL) bool) (deleted [][]metadata.ACL, records []metadata.Record) {
	deleted = make([][]metadata.ACL, len(filters))
	for id, acl := range img.ACLs() {
		gone := false
		for i, selects := range filters {
			if selects(&acl) {
				deleted[i] = append(deleted[i], acl)
				gone = true
			}
		}
		if gone {
			records = append(records, metadata.ACLRemovedRecord{ID: id})
		}
	}
	return deleted, records
}

// ScramChange sets or, without a credential, removes what is known of a user under one mechanism.
type ScramChange struct {
	Key        metadata.ScramKey
	Credential *metadata.ScramCredential
	// Invalid says why the change can't be made, whatever is there.
	Invalid *Error
}

// AlterScram decides on changes of credentials, one of a user at a time whatever the mechanisms, as in Kafka. The errors are by user, and the
// first is the one that is told.
func (c *Controller) AlterScram(img *metadata.Image, changes []ScramChange) (refused map[string]*Error, records []metadata.Record) {
	refused = make(map[string]*Error)
	byUser := make(map[string][]metadata.Record)
	seen := make(map[string]bool, len(changes))
	var users []string
	count := img.ScramCount()
	for _, change := range changes {
		user := change.Key.User
		if _, named := byUser[user]; !named {
			users = append(users, user)
		}
		_, known := img.Scram(change.Key)
		switch {
		case refused[user] != nil:
		case seen[user]:
			refused[user] = refuse(kerr.DuplicateResource, "A user credential cannot be altered twice in the same request")
		case change.Invalid != nil:
			refused[user] = change.Invalid
		case change.Credential == nil && !known:
			refused[user] = refuse(kerr.ResourceNotFound, "Attempt to delete a user credential that does not exist")
		case change.Credential == nil:
			byUser[user] = append(byUser[user], metadata.ScramRemovedRecord{Key: change.Key})
		case !known && count >= scramsMax:
			refused[user] = refuse(kerr.PolicyViolation, "there are %d credentials, and no more may be", count)
		default:
			byUser[user] = append(byUser[user], metadata.ScramRecord{Key: change.Key, Credential: *change.Credential})
			count++
		}
		seen[user] = true
	}
	for _, user := range users {
		if refused[user] == nil {
			records = append(records, byUser[user]...)
		}
	}
	return refused, records
}
