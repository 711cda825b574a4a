package handler

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// scramSecretMax bounds salts and salted passwords, in bytes.
const scramSecretMax = 1 << 10

// alterUserScram sets and removes credentials. Clients send the salted password; what is kept can't be turned back into it.
func (h *Handler) alterUserScram(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AlterUserSCRAMCredentialsRequest)
	users := usersOf(in)
	if !h.mayCluster(req, auth.OpAlter) {
		refused := &controller.Error{Kafka: kerr.ClusterAuthorizationFailed, Message: kerr.ClusterAuthorizationFailed.Description}
		req.Reply(scramAnswer(users, func(string) (int16, *string) { return refusal(refused) }))
		return
	}
	changes := scramChanges(in)
	var refused map[string]*controller.Error
	err := h.change(ctx, 0, func(img *metadata.Image) (records []metadata.Record, _ error) {
		refused, records = h.Controller.AlterScram(img, changes)
		return records, nil
	})
	req.Reply(scramAnswer(users, func(user string) (int16, *string) {
		if err != nil {
			return h.failure(err)
		}
		return refusal(refused[user])
	}))
}

// usersOf lists the users a request is about, each once, in its order.
func usersOf(in *kmsg.AlterUserSCRAMCredentialsRequest) []string {
	var users []string
	seen := make(map[string]bool)
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			users = append(users, name)
		}
	}
	for _, d := range in.Deletions {
		add(d.Name)
	}
	for _, u := range in.Upsertions {
		add(u.Name)
	}
	return users
}

func scramAnswer(users []string, outcome func(user string) (int16, *string)) *kmsg.AlterUserSCRAMCredentialsResponse {
	resp := kmsg.NewPtrAlterUserSCRAMCredentialsResponse()
	resp.Results = []kmsg.AlterUserSCRAMCredentialsResponseResult{}
	for _, user := range users {
		result := kmsg.NewAlterUserSCRAMCredentialsResponseResult()
		result.User = user
		result.ErrorCode, result.ErrorMessage = outcome(user)
		resp.Results = append(resp.Results, result)
	}
	return resp
}

// scramChanges turns a request into changes of credentials, in its order.
func scramChanges(in *kmsg.AlterUserSCRAMCredentialsRequest) []controller.ScramChange {
	changes := make([]controller.ScramChange, 0, len(in.Deletions)+len(in.Upsertions))
	for _, d := range in.Deletions {
		m, known := scramMechanism(d.Mechanism)
		changes = append(changes, controller.ScramChange{Key: metadata.ScramKey{User: d.Name, Mechanism: m}, Invalid: checkScramUser(d.Name, known)})
	}
	for i := range in.Upsertions {
		u := &in.Upsertions[i]
		m, known := scramMechanism(u.Mechanism)
		change := controller.ScramChange{Key: metadata.ScramKey{User: u.Name, Mechanism: m}, Invalid: checkUpsertion(u, known)}
		if change.Invalid == nil {
			credential := auth.DeriveCredential(m, slices.Clone(u.Salt), u.SaltedPassword, u.Iterations)
			change.Credential = &credential
		}
		changes = append(changes, change)
	}
	return changes
}

func checkScramUser(name string, mechanismKnown bool) *controller.Error {
	switch {
	case name == "":
		return &controller.Error{Kafka: kerr.UnacceptableCredential, Message: "Username must not be empty"}
	case len(name) > auth.NameMax:
		return &controller.Error{Kafka: kerr.UnacceptableCredential, Message: "Username is too long"}
	case !mechanismKnown:
		return &controller.Error{Kafka: kerr.UnsupportedSaslMechanism, Message: "Unknown SCRAM mechanism"}
	}
	return nil
}

func checkUpsertion(u *kmsg.AlterUserSCRAMCredentialsRequestUpsertion, mechanismKnown bool) *controller.Error {
	if e := checkScramUser(u.Name, mechanismKnown); e != nil {
		return e
	}
	var message string
	switch {
	case u.Iterations < auth.IterationsMin:
		message = "Too few iterations"
	case u.Iterations > auth.IterationsMax:
		message = "Too many iterations"
	case len(u.Salt) == 0 || len(u.SaltedPassword) == 0:
		message = "Salt and salted password must not be empty"
	case max(len(u.Salt), len(u.SaltedPassword)) > scramSecretMax:
		message = "Salt or salted password is too long"
	default:
		return nil
	}
	return &controller.Error{Kafka: kerr.UnacceptableCredential, Message: message}
}
