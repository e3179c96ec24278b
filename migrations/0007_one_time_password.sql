-- Whether a user's password is one that the program made and showed once.
ALTER TABLE api_user ADD COLUMN one_time boolean NOT NULL DEFAULT true;
